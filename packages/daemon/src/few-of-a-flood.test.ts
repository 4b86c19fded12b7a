import { expect, it } from 'vitest';
import { fewOfAFlood } from './few-of-a-flood.js';

it('tells some of a flood, and with the next how many were left out', () => {
  let nowMs = 500;
  const lines: string[] = [];
  const tell = fewOfAFlood<[string]>(
    (untold, what) => lines.push(`${what} ${untold}`),
    () => nowMs,
  );
  for (let i = 0; i < 1_000; i++) tell(`line ${i}`);
  expect(lines).toHaveLength(20);
  expect(lines.at(-1)).toBe('line 19 0');
  nowMs = 1_000;
  tell('later');
  tell('and another');
  expect(lines.slice(20)).toEqual(['later 980', 'and another 0']);
});
