import { CutpointError } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Admission } from './admission.js';
import { SimulatedClock } from './simulation.testing.js';

/** A queue with one worker. */
function queue(clock: SimulatedClock, serviceMs: number) {
  let freeAtMs = 0;
  return () =>
    new Promise<void>((resolve) => {
      freeAtMs = Math.max(freeAtMs, clock.now()) + serviceMs;
      clock.after(freeAtMs - clock.now(), resolve);
    });
}

async function trained(serviceMs: number, most = 100) {
  const clock = new SimulatedClock();
  const work = queue(clock, serviceMs);
  const admission = new Admission({ most, clock });
  const done = Array.from({ length: 20 }, () => admission.use(work, undefined));
  await clock.runUntil(clock.now() + 20 * serviceMs);
  await Promise.all(done);
  return { clock, work, admission };
}

describe('the door before a queue', () => {
  it('refuses more than it may hold', async () => {
    const clock = new SimulatedClock();
    const admission = new Admission({ most: 2, clock });
    const never = () => new Promise<void>(() => {});
    void admission.use(never, undefined);
    void admission.use(never, undefined);
    await expect(admission.use(never, undefined)).rejects.toThrow(expect.objectContaining({ code: 'CUT_OVERLOADED' }));
  });

  it('lets in whom it can serve in time, refuses others at once, and none that it let in is late', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 400 }),
        async (serviceMs, budgetMs) => {
          const { clock, work, admission } = await trained(serviceMs);
          const from = clock.now();
          const ends: number[] = [];
          let refused = 0;
          for (let i = 0; i < 40; i++) {
            admission.use(work, budgetMs).then(
              () => ends.push(clock.now() - from),
              (error: CutpointError) => {
                expect(error.code).toBe('CUT_OVERLOADED');
                expect(clock.now()).toBe(from);
                refused += 1;
              },
            );
          }
          await clock.runUntil(from + 40 * serviceMs);
          // The first is let in whatever was measured.
          expect(ends.length).toBe(Math.min(40, Math.max(1, Math.floor(budgetMs / serviceMs))));
          expect(ends.length + refused).toBe(40);
          for (const end of ends.slice(1)) expect(end).toBeLessThanOrEqual(budgetMs);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('does not take what a request takes alone for what many take one behind the other', async () => {
    const clock = new SimulatedClock();
    const admission = new Admission({ most: 100, clock });
    const overSlowLink = () => new Promise<void>((resolve) => clock.after(400, resolve));
    for (let i = 0; i < 20; i++) {
      const done = admission.use(overSlowLink, 1_000);
      await clock.runUntil(clock.now() + 500);
      await done;
    }
    const all = Promise.all(Array.from({ length: 40 }, () => admission.use(overSlowLink, 1_000)));
    await clock.runUntil(clock.now() + 400);
    await all;
  });

  it('learns that work has become faster', async () => {
    const { clock, admission } = await trained(100);
    expect(admission.predictedMs).toBe(100);
    const work = queue(clock, 1);
    for (let i = 0; i < 64; i++) {
      void admission.use(work, 10);
      await clock.runUntil(clock.now() + 2);
    }
    expect(admission.predictedMs).toBe(1);
  });

  it('forgets those who failed', async () => {
    const { admission } = await trained(5);
    const error = new CutpointError('CUT_RUN', 'No.');
    await expect(admission.use(() => Promise.reject(error), 50)).rejects.toBe(error);
    expect(admission.inside).toBe(0);
  });
});
