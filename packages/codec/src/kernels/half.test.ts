import { halfToNumber } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHalves, toHalves } from './half.js';

function halves(from: Float32Array): Uint16Array {
  const to = new Uint16Array(from.length);
  toHalves(from, to);
  return to;
}

function numbers(from: Uint16Array): Float32Array {
  const to = new Float32Array(from.length);
  fromHalves(from, to);
  return to;
}

/** Every finite binary16 in ascending order, for looking up the nearest. */
const finite = Array.from({ length: 0x7c00 }, (_, bits) => halfToNumber(bits));

/** The pattern of the nearest binary16 of a number from 0 up, by search; ties to the even pattern. */
function nearest(number: number): number {
  let low = 0;
  let high = finite.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((finite[middle] ?? 0) <= number) low = middle;
    else high = middle - 1;
  }
  const below = number - (finite[low] ?? 0);
  // The step past the largest finite number is as long as the one before it, and ends at infinity.
  const above = (finite[low + 1] ?? 65_536) - number;
  if (below === above) return low + (low % 2);
  return below < above ? low : low + 1;
}

describe('half precision', () => {
  it('is the nearest, ties to even, for any number', () => {
    const anyNumber = fc.oneof(
      fc.float({ noNaN: true }),
      fc.float({ noNaN: true, min: Math.fround(-70_000), max: Math.fround(70_000) }),
      fc.float({ noNaN: true, min: Math.fround(-0.0001), max: Math.fround(0.0001) }),
      fc.nat({ max: 0x7bfe }).map((bits) => (halfToNumber(bits) + halfToNumber(bits + 1)) / 2),
    );
    fc.assert(
      fc.property(anyNumber, (number) => {
        const sign = number < 0 || Object.is(number, -0) ? 0x8000 : 0;
        expect(halves(Float32Array.of(number))[0]).toBe(sign | nearest(Math.abs(number)));
      }),
      { numRuns: 20_000 },
    );
  });

  it('keeps infinities and tells what is not a number', () => {
    const [plus, minus, none] = numbers(halves(Float32Array.of(Infinity, -Infinity, Number.NaN)));
    expect([plus, minus, none]).toEqual([Infinity, -Infinity, Number.NaN]);
  });

  it('gives every pattern back as it was', () => {
    const all = Uint16Array.from({ length: 0x1_00_00 }, (_, i) => i).filter(
      (bits) => !Number.isNaN(halfToNumber(bits)),
    );
    expect(halves(numbers(all))).toEqual(all);
  });

  it('counts the finite that become infinite', () => {
    const from = Float32Array.of(65_504, 65_519, 65_520, -1e9, Infinity, Number.NaN);
    expect(toHalves(from, new Uint16Array(6))).toBe(2);
  });
});
