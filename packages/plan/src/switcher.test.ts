import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLinkEstimator } from './link-estimator.js';
import { createSwitcher, type LinkState } from './switcher.js';

/** Two plans: one sends much and computes elsewhere, one computes 60 ms here. */
const plans = [
  { bytes: 100_000, computeMs: 5 },
  { bytes: 1_000, computeMs: 60 },
];
const costOf = (plan: (typeof plans)[number], { up, down }: Omit<LinkState, 'uncertainty'>) =>
  plan.computeMs + up.fixedMs + down.fixedMs + (plan.bytes / up.bytesPerS) * 1000;
const linkOf = (bytesPerS: number, fixedMs = 2, uncertainty = 0.02): LinkState => ({
  up: { fixedMs, bytesPerS },
  down: { fixedMs, bytesPerS },
  uncertainty,
});
const fast = 10e6;
const slow = 0.5e6;

describe('switching between plans', () => {
  it('does not oscillate on a link that only fluctuates, wherever it lies', () => {
    const noise = fc.array(fc.double({ min: 0.96, max: 1.04, noNaN: true }), { minLength: 50, maxLength: 200 });
    fc.assert(
      fc.property(fc.double({ min: 2e5, max: 2e7, noNaN: true }), noise, (rate, factors) => {
        const switcher = createSwitcher({ plans, costOf });
        let switches = 0;
        for (const [i, factor] of factors.entries()) {
          if (switcher.observe(linkOf(rate * factor, 2, 0.04), i * 10_000)) switches++;
        }
        expect(switches).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('follows a change that lasts, after as many observations as it has to, and back', () => {
    const switcher = createSwitcher({ plans, costOf, sustain: 3, minDwellMs: 1000 });
    let now = 0;
    const observe = (rate: number) => {
      now += 600;
      return switcher.observe(linkOf(rate), now);
    };
    expect([observe(fast), observe(fast), observe(fast)]).toEqual([false, false, false]);
    expect([observe(slow), observe(slow), observe(slow)]).toEqual([false, false, true]);
    expect(switcher.plan).toBe(plans[1]);
    expect([observe(fast), observe(fast), observe(fast)]).toEqual([false, false, true]);
    expect(switcher.plan).toBe(plans[0]);
  });

  it('ignores a change that does not last, a small gain, and what is uncertain', () => {
    const switcher = createSwitcher({ plans, costOf, minDwellMs: 0 });
    for (let i = 0; i < 30; i++) expect(switcher.observe(linkOf(i % 3 === 0 ? fast : slow), i)).toBe(false);
    // At 1.7 MB/s the other plan would save a few percent only.
    for (let i = 0; i < 30; i++) expect(switcher.observe(linkOf(1.7e6), i)).toBe(false);
    for (let i = 0; i < 30; i++) expect(switcher.observe(linkOf(1.4e6, 2, 0.9), i)).toBe(false);
    expect(() => createSwitcher({ plans: [], costOf })).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
  });

  it('waits for the dwell time after a switch', () => {
    const switcher = createSwitcher({ plans, costOf, sustain: 1, minDwellMs: 1000 });
    expect(switcher.observe(linkOf(slow), 0)).toBe(true);
    expect(switcher.observe(linkOf(fast), 999)).toBe(false);
    expect(switcher.observe(linkOf(fast), 1000)).toBe(true);
  });
});

describe('the estimate of a link', () => {
  it('finds delay and rate in spite of noise and some messages that took far too long', () => {
    const link = fc.record({
      fixedMs: fc.double({ min: 1, max: 200, noNaN: true }),
      bytesPerS: fc.double({ min: 1e5, max: 1e7, noNaN: true }),
      noise: fc.array(fc.double({ min: 0.98, max: 1.02, noNaN: true }), { minLength: 40, maxLength: 40 }),
    });
    fc.assert(
      fc.property(link, ({ fixedMs, bytesPerS, noise }) => {
        const estimator = createLinkEstimator({ initial: { fixedMs: 10, bytesPerS: 1e6 } });
        const timeOf = (bytes: number) => fixedMs + (bytes / bytesPerS) * 1000;
        const sizes = [fixedMs, fixedMs * 2, fixedMs * 5].map((ms) => (ms / 1000) * bytesPerS);
        for (const [i, factor] of noise.entries()) {
          const bytes = sizes[i % 3] ?? 0;
          estimator.observe(bytes, timeOf(bytes) * factor * (i % 8 === 7 ? 20 : 1));
        }
        const { estimate } = estimator;
        for (const bytes of sizes) {
          const ms = estimate.fixedMs + (bytes / estimate.bytesPerS) * 1000;
          expect(Math.abs(ms / timeOf(bytes) - 1)).toBeLessThan(0.1);
        }
        expect(estimate.uncertainty).toBeLessThan(0.1);
      }),
    );
  });

  it('scales delay and rate alike while all messages have one size, and forgets what is old', () => {
    const estimator = createLinkEstimator({ initial: { fixedMs: 10, bytesPerS: 1e6 }, window: 8 });
    for (let i = 0; i < 20; i++) estimator.observe(10_000, 20);
    expect(estimator.estimate.fixedMs).toBeCloseTo(10, 6);
    for (let i = 0; i < 20; i++) estimator.observe(10_000, 40);
    expect(estimator.estimate.fixedMs).toBeCloseTo(20, 6);
    expect(estimator.estimate.bytesPerS).toBeCloseTo(0.5e6, 3);
    expect(estimator.estimate.observations).toBe(40);
    expect(() => estimator.observe(-1, 1)).toThrow(RangeError);
  });

  it('leads the switcher to the other plan once the link is slower', () => {
    const estimators = { up: createLinkEstimator({ initial: { fixedMs: 2, bytesPerS: fast }, window: 12 }) };
    const switcher = createSwitcher({ plans, costOf, minDwellMs: 0 });
    const send = (rate: number, i: number) => {
      const bytes = i % 2 === 0 ? 100_000 : 1_000;
      estimators.up.observe(bytes, 2 + (bytes / rate) * 1000);
      const { estimate } = estimators.up;
      return switcher.observe({ up: estimate, down: estimate, uncertainty: estimate.uncertainty }, i);
    };
    for (let i = 0; i < 30; i++) expect(send(fast, i)).toBe(false);
    const switched = Array.from({ length: 30 }, (_, i) => send(slow, i));
    expect(switched.filter(Boolean).length).toBe(1);
    expect(switcher.plan).toBe(plans[1]);
  });
});
