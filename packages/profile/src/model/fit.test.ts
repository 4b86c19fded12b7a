import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CutCosts, costsBetween } from './cut-costs.js';
import { fitTimes, leaveOneOut } from './fit-times.js';
import { rising } from './isotonic.js';
import { dot, nonNegativeLeastSquares } from './least-squares.js';
import { noWork, workKinds } from './node-costs.js';

describe('values that never fall', () => {
  it('rise, keep their mean, and are the given ones where those rise already', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e3, noNaN: true }), { minLength: 1 }), (values) => {
        const smooth = rising(values);
        const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
        for (const [i, value] of smooth.entries()) expect(value).toBeGreaterThanOrEqual(smooth[i - 1] ?? 0);
        expect(mean(smooth)).toBeCloseTo(mean(values), 6);
        const sorted = [...values].sort((a, b) => a - b);
        expect(rising(sorted)).toEqual(sorted);
      }),
    );
  });
});

describe('least squares', () => {
  const amount = fc.double({ min: 0, max: 10, noNaN: true });

  it('are met exactly by non-negative factors that the rows determine', () => {
    fc.assert(
      fc.property(fc.tuple(amount, amount, amount), (truth) => {
        const x = [
          [1, 0, 0],
          [1, 2, 0],
          [0, 1, 3],
          [2, 1, 1],
        ];
        const rows = x.map((row) => ({ x: row, y: dot(row, truth), weight: 1 }));
        const found = nonNegativeLeastSquares(rows, { values: [1, 1, 1], weight: 0 });
        for (const [i, value] of found.entries()) expect(value).toBeCloseTo(truth[i] ?? 0, 4);
      }),
    );
  });

  it('give no negative factor, and the expected one where no row speaks', () => {
    const rows = [
      { x: [1, 0, 0], y: -5, weight: 1 },
      { x: [0, 1, 0], y: 3, weight: 1 },
    ];
    expect(nonNegativeLeastSquares(rows, { values: [1, 1, 7], weight: 1e-3 }).map(Math.round)).toEqual([0, 3, 7]);
  });
});

/** A model of 41 cuts whose nodes are of three kinds in turn, and crossings that take time to bring. */
function made(
  rates: readonly number[],
  sideRate: number,
): { costs: CutCosts[]; truth: { front: number; back: number }[]; betweenMs: (from: number, to: number) => number } {
  const nodes = Array.from({ length: 40 }, (_, i) =>
    workKinds.map((_, kind) => (kind === i % 3 ? 0.3 + (i % 5) / 4 : 0)),
  );
  const sum = (works: readonly (readonly number[])[]) =>
    works.reduce<readonly number[]>((total, work) => total.map((value, i) => value + (work[i] ?? 0)), noWork);
  const costs = Array.from({ length: nodes.length + 1 }, (_, cut): CutCosts => {
    const crossing = 0.05 + ((cut * 7) % 11) / 20;
    const [isFirst, isLast] = [cut === 0, cut === nodes.length];
    return {
      front: { work: sum(nodes.slice(0, cut)), side: isFirst ? [0, 0, 0, 0] : [0.1, isLast ? 0 : crossing, 0, 0] },
      back: { work: sum(nodes.slice(cut)), side: isLast ? [0, 0, 0, 0] : [0.1, 0, isFirst ? 0 : crossing, 0] },
    };
  });
  const all = workKinds.map((_, i) => rates[i] ?? 1);
  const ms = ({ work, side }: CutCosts['front']) =>
    dot(work, all) + sideRate * side.reduce((total, one) => total + one, 0);
  const betweenMs = (from: number, to: number) => {
    const segment = costsBetween(costs, from, to);
    return segment === undefined ? 0 : ms(segment);
  };
  return { costs, truth: costs.map(({ front, back }) => ({ front: ms(front), back: ms(back) })), betweenMs };
}

const rate = fc.double({ min: 0.3, max: 3, noNaN: true });
const measured = [3, 8, 14, 19, 25, 30, 36];

describe('the fit', () => {
  it('finds the times of all cuts of a made-up device from seven', () => {
    fc.assert(
      fc.property(rate, rate, rate, rate, (a, b, c, side) => {
        const { costs, truth } = made([a, b, c], side);
        const wholeMs = truth[0]?.back ?? 0;
        const anchors = measured.map((cut) => ({
          cut,
          frontMs: truth[cut]?.front ?? 0,
          backMs: truth[cut]?.back ?? 0,
        }));
        const times = fitTimes(costs, { anchors, between: [], wholeMs });
        for (const [cut, { front, back }] of truth.entries()) {
          expect(Math.abs((times.frontMs[cut] ?? 0) - front)).toBeLessThan(0.05 * wholeMs);
          expect(Math.abs((times.backMs[cut] ?? 0) - back)).toBeLessThan(0.05 * wholeMs);
        }
        for (const { cut, frontMs, backMs } of anchors) {
          expect(times.frontMs[cut]).toBeCloseTo(frontMs, 0);
          expect(times.backMs[cut]).toBeCloseTo(backMs, 0);
        }
        expect(leaveOneOut(costs, { anchors, between: [], wholeMs })?.median).toBeLessThan(10);
      }),
      { numRuns: 50 },
    );
  });

  it('lets what nodes take never fall from cut to cut, however noisy the measurements', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.5, max: 2, noNaN: true }), { minLength: 14, maxLength: 14 }), (noise) => {
        const { costs, truth } = made([1, 1, 1], 0);
        const bare = costs.map(({ front, back }) => ({
          front: { work: front.work, side: [0, 0, 0, 0] },
          back: { work: back.work, side: [0, 0, 0, 0] },
        }));
        const anchors = measured.map((cut, i) => ({
          cut,
          frontMs: (truth[cut]?.front ?? 0) * (noise[2 * i] ?? 1),
          backMs: (truth[cut]?.back ?? 0) * (noise[2 * i + 1] ?? 1),
        }));
        const { frontMs, backMs } = fitTimes(bare, { anchors, between: [], wholeMs: truth[0]?.back ?? 0 });
        for (let cut = 1; cut < frontMs.length; cut++) {
          expect(frontMs[cut]).toBeGreaterThanOrEqual((frontMs[cut - 1] ?? 0) - 1e-9);
          expect(backMs[cut]).toBeLessThanOrEqual((backMs[cut - 1] ?? 0) + 1e-9);
        }
      }),
    );
  });

  it('finds segments between two cuts from the short ones, even where the long ones are measured badly', () => {
    const noise = fc.array(fc.double({ min: 0.95, max: 1.05, noNaN: true }), { minLength: 14, maxLength: 14 });
    fc.assert(
      fc.property(rate, rate, rate, rate, noise, (a, b, c, side, wrong) => {
        const { costs, truth, betweenMs } = made([a, b, c], side);
        const anchors = measured.map((cut, i) => ({
          cut,
          frontMs: (truth[cut]?.front ?? 0) * (wrong[2 * i] ?? 1),
          backMs: (truth[cut]?.back ?? 0) * (wrong[2 * i + 1] ?? 1),
        }));
        const between = measured.slice(1).map((to, i) => {
          const from = measured[i] ?? 0;
          return { from, to, ms: betweenMs(from, to) };
        });
        const wholeMs = truth[0]?.back ?? 0;
        const { workMs, enterMs, leaveMs } = fitTimes(costs, { anchors, between, wholeMs }).between;
        const fittedMs = (from: number, to: number) =>
          (workMs[to] ?? 0) - (workMs[from] ?? 0) + (enterMs[from] ?? 0) + (leaveMs[to] ?? 0);
        for (const { from, to, ms } of between)
          expect(Math.abs(fittedMs(from, to) - ms)).toBeLessThan(1e-6 + 0.05 * ms);
        for (const [from, to] of [
          [4, 7],
          [10, 16],
          [26, 29],
        ] as const) {
          expect(Math.abs(fittedMs(from, to) - betweenMs(from, to))).toBeLessThan(0.05 * wholeMs);
        }
        for (const [i, ms] of workMs.entries()) expect(ms).toBeGreaterThanOrEqual(workMs[i - 1] ?? 0);
      }),
      { numRuns: 50 },
    );
  });

  it('has no error of its own to tell with two measured cuts', () => {
    const { costs, truth } = made([1, 1, 1], 1);
    const anchors = [8, 30].map((cut) => ({ cut, frontMs: truth[cut]?.front ?? 0, backMs: truth[cut]?.back ?? 0 }));
    expect(leaveOneOut(costs, { anchors, between: [], wholeMs: truth[0]?.back ?? 0 })).toBeNull();
  });
});
