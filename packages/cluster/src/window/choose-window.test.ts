import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseWindow, planAtMost } from './choose-window.js';
import { steadyTokenMs } from './token-time.js';
import type { HalfBytes } from './window-plan.js';

const alike = (count: number): HalfBytes[] =>
  Array.from({ length: count }, () => ({ name: 'half', fileBytes: 1_000_000, openBytes: 1_000_000 }));

describe('steadyTokenMs', () => {
  const times = fc.array(
    fc.record({
      readMs: fc.integer({ min: 0, max: 50 }),
      openMs: fc.integer({ min: 0, max: 20 }),
      busyMs: fc.integer({ min: 0, max: 50 }),
      stays: fc.boolean(),
    }),
    { minLength: 2, maxLength: 40 },
  );

  it('is at least the work and the reading of a token, at most both one after the other, and no longer with more buffers', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 5 }), (halves, depth) => {
        const stays = halves.map((half) => half.stays);
        const read = halves.reduce((sum, { readMs }, i) => sum + (stays[i] ? 0 : readMs), 0);
        const work = halves.reduce((sum, { openMs, busyMs }, i) => sum + busyMs + (stays[i] ? 0 : openMs), 0);
        // A token that is not yet like the next begins with more read ahead: by no more than the buffers hold.
        const ahead = depth * Math.max(...halves.map(({ readMs }) => readMs));
        const tokenMs = steadyTokenMs(halves, stays, depth);
        expect(tokenMs).toBeGreaterThanOrEqual(Math.max(work, read - ahead));
        expect(tokenMs).toBeLessThanOrEqual(work + read);
      }),
    );
  });

  it('is the larger of work and reading where half layers are alike and two buffers take turns', () => {
    const half = { readMs: 30, openMs: 5, busyMs: 10 };
    const stays = Array.from({ length: 20 }, () => false);
    expect(
      steadyTokenMs(
        stays.map(() => half),
        stays,
        2,
      ),
    ).toBe(20 * 30);
    const slow = { readMs: 10, openMs: 5, busyMs: 20 };
    expect(
      steadyTokenMs(
        stays.map(() => slow),
        stays,
        2,
      ),
    ).toBe(20 * 25);
  });

  it('has reading and opening take turns with a single buffer', () => {
    const half = { readMs: 30, openMs: 5, busyMs: 10 };
    const stays = Array.from({ length: 20 }, () => false);
    expect(
      steadyTokenMs(
        stays.map(() => half),
        stays,
        1,
      ),
    ).toBe(20 * 35);
  });
});

describe('chooseWindow', () => {
  it('gives buffers back to half layers that stay where the disk is never idle anyway', () => {
    const halves = alike(20);
    const present = planAtMost(halves, 12e6, 5);
    const chosen = chooseWindow(
      halves,
      12e6,
      halves.map(() => ({ readMs: 30, openMs: 0, busyMs: 1 })),
      present,
    );
    expect(chosen.depth).toBeLessThan(5);
    expect(chosen.streamedBytes).toBeLessThan(present.streamedBytes);
  });

  it('reads deeper where long reads come between long work', () => {
    const halves = alike(20);
    const times = halves.map((_, i) =>
      i < 10 ? { readMs: 40, openMs: 1, busyMs: 1 } : { readMs: 1, openMs: 1, busyMs: 40 },
    );
    const present = planAtMost(halves, 9e6, 1);
    expect(chooseWindow(halves, 9e6, times, present).depth).toBeGreaterThan(1);
  });

  it('changes nothing for a gain that is within what times vary', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 20, maxLength: 20 }),
        (depth, reads) => {
          const halves = alike(20);
          const times = reads.map((readMs) => ({ readMs, openMs: 3, busyMs: 10 }));
          const present = planAtMost(halves, 14e6, depth);
          const chosen = chooseWindow(halves, 14e6, times, present);
          const tokenMs = (plan: typeof present) => steadyTokenMs(times, plan.stays, plan.depth);
          if (chosen !== present) expect(tokenMs(chosen)).toBeLessThan(0.97 * tokenMs(present));
          expect(chooseWindow(halves, 14e6, times, chosen)).toBe(chosen);
        },
      ),
    );
  });
});
