import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newLines } from './new-lines.js';

it('gives each line of a log that is read again and again once, as long as no more come than are read', () => {
  const steps = fc.array(fc.nat({ max: 5 }), { maxLength: 20 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 5, max: 9 }), (appended, window) => {
      const log: string[] = [];
      const told: string[] = [];
      let before: readonly string[] = [];
      for (const count of appended) {
        // Each line of a log has its time.
        log.push(...Array.from({ length: count }, (_, i) => `${log.length + i} ready`));
        const now = log.slice(-window);
        told.push(...newLines(before, now));
        before = now;
      }
      expect(told).toEqual(log);
    }),
  );
});

it('gives all lines of a daemon that was started anew', () => {
  expect(newLines(['1 ready', '2 lease'], ['7 ready'])).toEqual(['7 ready']);
  expect(newLines(['1 ready', '2 lease'], ['1 ready', '2 lease'])).toEqual([]);
  expect(newLines([], ['1 ready'])).toEqual(['1 ready']);
});
