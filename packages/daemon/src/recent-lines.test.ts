import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openLog } from './log.js';
import { RecentLines } from './recent-lines.js';

it('keeps the newest lines in their order, and never more than its limits', () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 9000 }), { maxLength: 300 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 0, max: 1000 }), (all, count) => {
      const recent = new RecentLines();
      const lines = all.map((length, i) => `${i} ${'x'.repeat(length)}`.slice(0, 4096));
      for (const [i, line] of lines.entries()) recent.write(`${line}${'y'.repeat(all[i] ?? 0)}\n`.slice(0, 9000));
      const kept = recent.newest(1000);
      expect(kept.map((line) => line.split(' ', 1)[0])).toEqual(
        lines.slice(lines.length - kept.length).map((line) => line.split(' ', 1)[0]),
      );
      const characters = kept.reduce((sum, line) => sum + line.length, 0);
      expect(characters).toBeLessThanOrEqual(512 * 1024);
      expect(Math.max(0, ...kept.map((line) => line.length))).toBeLessThanOrEqual(4096);
      expect(recent.newest(count)).toEqual(kept.slice(Math.max(0, kept.length - count)));
    }),
    { numRuns: 30 },
  );
  const many = new RecentLines();
  for (let i = 0; i < 2500; i++) many.write(`${i}\n`);
  expect(many.newest(1000)).toEqual(Array.from({ length: 1000 }, (_, i) => String(i + 1500)));
});

it('has what a log says, at the level of the log and as JSON, whatever is shown', () => {
  const keep = new RecentLines();
  const log = openLog({ name: 'test', level: 'warn', format: 'pretty', keep });
  log.info('unheard');
  log.warn({ code: 'CUT_STALE' }, 'heard');
  expect(keep.newest(10).map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ level: 'warn', name: 'test', msg: 'heard', code: 'CUT_STALE' }),
  ]);
});
