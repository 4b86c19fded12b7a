import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divideUnits, slowestMs, type UnitCost } from './divide-units.js';

const rank: fc.Arbitrary<UnitCost> = fc.record({
  costMs: fc.oneof(fc.constantFrom(0, 0.1, 1, 3), fc.double({ min: 0.001, max: 1000, noNaN: true })),
  least: fc.integer({ min: 0, max: 2 }),
  most: fc.integer({ min: 0, max: 60 }),
});

/** Each unit to the rank that then takes least. */
function oneByOne(units: number, ranks: readonly UnitCost[]): number[] | undefined {
  const given = ranks.map(({ least }) => least);
  const total = () => given.reduce((sum, count) => sum + count, 0);
  if (total() > units || ranks.some(({ least, most }) => least > most)) return undefined;
  while (total() < units) {
    const after = ranks.map(({ costMs, most }, i) =>
      (given[i] ?? 0) < most ? ((given[i] ?? 0) + 1) * costMs : Infinity,
    );
    const next = after.indexOf(Math.min(...after));
    if (after[next] === Infinity) return undefined;
    given[next] = (given[next] ?? 0) + 1;
  }
  return given;
}

describe('divided units', () => {
  it('take as long as if given one by one, within all bounds, and are missing only where bounds allow none', () => {
    let [divided, full] = [0, 0];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 120 }), fc.array(rank, { minLength: 1, maxLength: 8 }), (units, ranks) => {
        const expected = oneByOne(units, ranks);
        const given = divideUnits(units, ranks);
        if (expected === undefined || given === undefined) {
          expect(given).toBe(expected);
          return;
        }
        divided++;
        if (ranks.some(({ most }, i) => most > 0 && given[i] === most)) full++;
        expect(given.reduce((sum, count) => sum + count, 0)).toBe(units);
        expect(ranks.every(({ least, most }, i) => least <= (given[i] ?? -1) && (given[i] ?? Infinity) <= most)).toBe(
          true,
        );
        expect(slowestMs(given, ranks)).toBeCloseTo(slowestMs(expected, ranks), 9);
      }),
      { numRuns: 5000 },
    );
    expect(Math.min(divided, full)).toBeGreaterThan(300);
  });

  it('go to the fast rank as far as it may take them, of many units', () => {
    const ranks = [
      { costMs: 1, least: 1, most: 1_000_000_000 },
      { costMs: 3, least: 1, most: 1_000_000_000 },
      { costMs: 1, least: 0, most: 7 },
    ];
    expect(divideUnits(1_000_000_007, ranks)).toEqual([750_000_000, 250_000_000, 7]);
  });
});
