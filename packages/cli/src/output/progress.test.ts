import { afterEach, expect, it, vi } from 'vitest';
import { openProgress } from './progress.js';

afterEach(() => {
  vi.restoreAllMocks();
});

it.skipIf(process.stderr.isTTY)('tells a log every now and then how far it is, and no line twice in a row', () => {
  const written: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  let nowMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  using progress = openProgress();
  for (; nowMs < 60_000; nowMs += 300) progress.show('pi-3 is away and waited for');
  progress.show('pi-3 fetching');
  expect(written).toEqual(['pi-3 is away and waited for\n', 'pi-3 fetching\n']);
});
