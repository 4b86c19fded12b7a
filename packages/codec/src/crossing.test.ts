import { halfToNumber, type NamedTensors, tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCrossing, encodeCrossing } from './crossing.js';
import { fromHalves, toHalves } from './half.js';

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
        expect(toHalves(Float32Array.of(number))[0]).toBe(sign | nearest(Math.abs(number)));
      }),
      { numRuns: 20_000 },
    );
  });

  it('keeps infinities and tells what is not a number', () => {
    const [plus, minus, none] = fromHalves(toHalves(Float32Array.of(Infinity, -Infinity, Number.NaN)));
    expect([plus, minus, none]).toEqual([Infinity, -Infinity, Number.NaN]);
  });

  it('gives every pattern back as it was', () => {
    const all = Uint16Array.from({ length: 0x1_00_00 }, (_, i) => i).filter(
      (bits) => !Number.isNaN(halfToNumber(bits)),
    );
    expect(toHalves(fromHalves(all))).toEqual(all);
  });
});

describe('tensors that cross a cut', () => {
  const tensors: NamedTensors = new Map([
    ['x', tensorOf('f32', [3], Float32Array.of(1, 0.1, -3e-6))],
    ['ids', tensorOf('i64', [1], BigInt64Array.of(7n))],
  ]);
  const dtypes = new Map(Array.from(tensors, ([name, { dtype }]) => [name, dtype] as const));

  it('are the same under raw', () => {
    expect(decodeCrossing(encodeCrossing(tensors, 'raw'), 'raw', dtypes)).toBe(tensors);
  });

  it('take half the bytes under f16 and come back as the element type they had', () => {
    const sent = encodeCrossing(tensors, 'f16');
    expect(sent.get('x')).toMatchObject({ dtype: 'f16', data: { length: 6 } });
    const received = decodeCrossing(sent, 'f16', dtypes);
    expect(received.get('ids')).toBe(tensors.get('ids'));
    const { dtype, data } = received.get('x') ?? tensorOf('u8', [0], new Uint8Array(0));
    expect(dtype).toBe('f32');
    const numbers = new Float32Array(data.buffer, data.byteOffset, 3);
    for (const [i, number] of [1, 0.1, -3e-6].entries()) {
      expect(Math.abs((numbers[i] ?? 0) - number)).toBeLessThanOrEqual(Math.abs(number) * 2 ** -11 + 2 ** -25);
    }
  });

  it('are refused where they travelled in another way than agreed', () => {
    expect(() => decodeCrossing(tensors, 'f16', dtypes)).toThrow(expect.objectContaining({ code: 'CUT_INPUT' }));
  });

  it('need not be aligned', () => {
    const bytes = new Uint8Array(9).subarray(1);
    bytes.set(new Uint8Array(Float32Array.of(2, 4).buffer));
    const odd: NamedTensors = new Map([['x', { dtype: 'f32', shape: [2], data: bytes }]]);
    const back = decodeCrossing(encodeCrossing(odd, 'f16'), 'f16', new Map([['x', 'f32' as const]]));
    expect(back.get('x')?.data).toEqual(bytes);
  });
});
