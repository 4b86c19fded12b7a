import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smallConfig } from '../../../llm/src/package/small-decoder.testing.js';
import { divide, headRunsOf, proportional, sliceOf } from './division.js';

const shares = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 8 });
const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

describe('proportional', () => {
  it('gives all units away, at least the least to each, and none is off by a unit where that allows it', () => {
    fc.assert(
      fc.property(shares, fc.integer({ min: 8, max: 500 }), fc.integer({ min: 0, max: 1 }), (each, units, least) => {
        const given = proportional(units, each, least);
        expect(sum(given)).toBe(units);
        const wanted = each.map((share) => (units * share) / sum(each));
        for (const [i, count] of given.entries()) {
          expect(count).toBeGreaterThanOrEqual(least);
          if (wanted.every((exact) => exact >= least)) expect(Math.abs(count - (wanted[i] ?? 0))).toBeLessThan(1);
        }
      }),
    );
  });
});

describe('divide', () => {
  const config = { ...smallConfig, heads: 32, kvHeads: 8, ffnSize: 1000, vocabularySize: 5000 };

  it('covers the decoder once, in the order of ranks', () => {
    fc.assert(
      fc.property(shares, (each) => {
        const division = divide(config, each, 64);
        const slices = each.map((_, rank) => sliceOf(config, division, rank));
        for (const [part, size] of [
          ['heads', 32],
          ['ffnColumns', 1000],
          ['vocabulary', 5000],
        ] as const) {
          const ends = slices.map((slice) => slice[part]);
          expect(ends.map(({ from }) => from)).toEqual([0, ...ends.map(({ to }) => to).slice(0, -1)]);
          expect(ends.at(-1)?.to).toBe(size);
        }
        // As many heads of keys and values as ranks: none is at two of them.
        expect(sum(slices.map(({ kvHeads }) => kvHeads.to - kvHeads.from))).toBe(8);
      }),
    );
  });

  it('lets ranks share a head of keys and values where there are fewer than ranks', () => {
    const slices = Array.from({ length: 3 }, (_, rank) =>
      sliceOf({ ...config, kvHeads: 1 }, divide({ ...config, kvHeads: 1 }, [2, 1, 1], 64), rank),
    );
    expect(slices.map(({ heads, kvHeads }) => [heads.to - heads.from, kvHeads])).toEqual([
      [16, { from: 0, to: 1 }],
      [8, { from: 0, to: 1 }],
      [8, { from: 0, to: 1 }],
    ]);
  });

  it('refuses more ranks than there are heads, shares that are none, and divisions of another decoder', () => {
    expect(() => divide(smallConfig, [1, 1, 1, 1, 1], 16)).toThrow(/4 query heads: it cannot be divided over 5 ranks/);
    expect(() => divide(smallConfig, [1, 0], 16)).toThrow(/Shares are positive numbers/);
    expect(() => sliceOf(smallConfig, { heads: [2, 1], ffnColumns: [24, 24], vocabulary: [32, 32] }, 0)).toThrow(
      /its ranks have 3 query heads together, and the model 4/,
    );
  });
});

describe('headRunsOf', () => {
  it('joins heads of keys and values that are read by equally many query heads', () => {
    const config = { ...smallConfig, heads: 12, kvHeads: 3 };
    const slice = sliceOf(config, { heads: [1, 10, 1], ffnColumns: [16, 16, 16], vocabulary: [64, 0, 0] }, 1);
    expect(headRunsOf(config, slice)).toEqual([
      { heads: 3, kvHeads: 1 },
      { heads: 4, kvHeads: 1 },
      { heads: 3, kvHeads: 1 },
    ]);
    expect(headRunsOf(config, { ...slice, heads: { from: 4, to: 12 }, kvHeads: { from: 1, to: 3 } })).toEqual([
      { heads: 8, kvHeads: 2 },
    ]);
  });
});
