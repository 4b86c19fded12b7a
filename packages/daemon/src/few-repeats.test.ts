import { expect, it } from 'vitest';
import { fewRepeats } from './few-repeats.js';

function telling() {
  const told: string[] = [];
  const clock = { ms: 0 };
  const tell = (untold: number, text: string) => told.push(`${text} ${untold}`);
  const say = fewRepeats(tell, { kindOf: (text: string) => text, nowMs: () => clock.ms });
  return { told, clock, say };
}

it('tells what is new at once, and what repeats once a minute with the number of the others', () => {
  const { told, clock, say } = telling();
  for (clock.ms = 0; clock.ms <= 60_000; clock.ms += 1_500) say('refused');
  say('away');
  expect(told).toEqual(['refused 0', 'refused 39', 'away 0']);
});

it('keeps no more kinds than it must', () => {
  const { told, say } = telling();
  for (let i = 0; i < 257; i += 1) say(`kind ${i}`);
  say('kind 256');
  expect(told.length).toBe(257);
  say('kind 0');
  expect(told.at(-1)).toBe('kind 0 0');
});
