import { bytesPerElement, type DType, type Tensor, tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareTensors } from './equality.js';

const f32 = (...values: number[]) => tensorOf('f32', [values.length], new Float32Array(values));
const f16 = (...bits: number[]) => tensorOf('f16', [bits.length], new Uint16Array(bits));
const bf16 = (...bits: number[]) => tensorOf('bf16', [bits.length], new Uint16Array(bits));
const dtypes = Object.keys(bytesPerElement) as DType[];

const anyTensor = fc
  .record({ dtype: fc.constantFrom(...dtypes), elements: fc.integer({ min: 0, max: 12 }) })
  .chain(({ dtype, elements }) => {
    const size = elements * bytesPerElement[dtype];
    return fc
      .uint8Array({ minLength: size, maxLength: size })
      .map((data): Tensor => ({ dtype, shape: [elements], data: new Uint8Array(data) }));
  });

describe('compareTensors', () => {
  it('finds any tensor equal to a copy of itself, whatever its bits', () => {
    fc.assert(
      fc.property(anyTensor, (tensor) => {
        const copy = { ...tensor, data: tensor.data.slice() };
        expect(compareTensors(tensor, copy)).toEqual({ equalBits: true, maxAbsDiff: 0, maxRelDiff: 0 });
      }),
    );
  });

  it('gives the same distance in both directions', () => {
    fc.assert(
      fc.property(anyTensor, fc.infiniteStream(fc.nat(255)), (tensor, noise) => {
        const other = { ...tensor, data: tensor.data.map((byte) => byte ^ Number(noise.next().value)) };
        const there = compareTensors(tensor, other);
        const back = compareTensors(other, tensor);
        expect(there.maxAbsDiff).toBe(back.maxAbsDiff);
        expect(there.equalBits).toBe(back.equalBits);
        expect(there.maxAbsDiff).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('measures the largest difference, and divides it by the range of the reference', () => {
    const found = compareTensors(f32(-1, 0, 3), f32(-1, 0.5, 2.75));
    expect(found).toEqual({ equalBits: false, maxAbsDiff: 0.5, maxRelDiff: 0.125 });
  });

  it('divides by the magnitude where the reference has no range, and by nothing where it is zero', () => {
    expect(compareTensors(f32(4, 4), f32(4, 5)).maxRelDiff).toBe(0.25);
    expect(compareTensors(f32(0, 0), f32(0, 0.5)).maxRelDiff).toBe(0.5);
    expect(compareTensors(f32(Number.NaN), f32(2))).toMatchObject({ maxAbsDiff: Infinity, maxRelDiff: Infinity });
  });

  it('leaves infinities and NaN out of the range', () => {
    const found = compareTensors(f32(0, 10, Infinity, Number.NaN), f32(1, 10, Infinity, Number.NaN));
    expect(found).toEqual({ equalBits: false, maxAbsDiff: 1, maxRelDiff: 0.1 });
  });

  it('treats two NaN alike whatever their payload, but not as equal bits', () => {
    const found = compareTensors(f16(0x7e00, 0x3c00), f16(0xfe01, 0x3c00));
    expect(found).toEqual({ equalBits: false, maxAbsDiff: 0, maxRelDiff: 0 });
  });

  it('treats both zeros alike, but not as equal bits', () => {
    expect(compareTensors(f32(0), f32(-0))).toEqual({ equalBits: false, maxAbsDiff: 0, maxRelDiff: 0 });
  });

  it.each([
    ['NaN', Number.NaN, 1],
    ['infinity', Infinity, 1],
    ['the other infinity', Infinity, -Infinity],
    ['a number where the reference has NaN', 1, Number.NaN],
  ])('finds %s infinitely far away', (_, a, b) => {
    expect(compareTensors(f32(a, 0), f32(b, 0)).maxAbsDiff).toBe(Infinity);
  });

  it('decodes half precision: subnormal, one, largest', () => {
    expect(compareTensors(f16(0x0000), f16(0x0001)).maxAbsDiff).toBe(2 ** -24);
    expect(compareTensors(f16(0x0000), f16(0x3c00)).maxAbsDiff).toBe(1);
    expect(compareTensors(f16(0x7bff), f16(0xfbff)).maxAbsDiff).toBe(2 * 65504);
    expect(compareTensors(f16(0x7c00), f16(0x7c00 | 0x8000)).maxAbsDiff).toBe(Infinity);
  });

  it('decodes bfloat16', () => {
    expect(compareTensors(bf16(0x3f80), bf16(0xc000)).maxAbsDiff).toBe(3);
  });

  it('sees a difference of one between large 64-bit integers', () => {
    const a = tensorOf('i64', [1], new BigInt64Array([2n ** 62n]));
    const b = tensorOf('i64', [1], new BigInt64Array([2n ** 62n + 1n]));
    expect(compareTensors(a, b)).toMatchObject({ equalBits: false, maxAbsDiff: 1 });
  });

  it('finds tensors of another type, shape or rank infinitely far apart, and says so', () => {
    const reference = f32(1, 2);
    const others: Tensor[] = [
      { ...reference, dtype: 'i32' },
      { ...reference, shape: [2, 1] },
      { ...reference, shape: [1, 2] },
      f32(1, 2, 3),
    ];
    for (const other of others) {
      expect(compareTensors(reference, other)).toEqual({
        equalBits: false,
        maxAbsDiff: Infinity,
        maxRelDiff: Infinity,
      });
    }
  });
});
