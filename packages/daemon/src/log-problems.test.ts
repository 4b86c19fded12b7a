import { CutpointError } from '@cutpoint/core';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { logProblems } from './log-problems.js';

it('a flood of problems that all differ, as of forged messages, does not fill the log', () => {
  const lines: string[] = [];
  const tell = logProblems(pino({}, { write: (line: string) => void lines.push(line) }));
  for (let i = 0; i < 10_000; i++) tell(new CutpointError('CUT_INPUT', `Message ${i} is no lease.`));
  // Some a second, however long that took.
  expect(lines.length).toBeGreaterThanOrEqual(20);
  expect(lines.length).toBeLessThanOrEqual(500);
});
