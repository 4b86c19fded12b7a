import { type DType, tensorOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { maxJsonValues, tensorsToJson } from './json-values.js';

function json(dtype: DType, values: ArrayBufferView<ArrayBuffer> & { length: number }) {
  return tensorsToJson(new Map([['y', tensorOf(dtype, [values.length], values)]])).y;
}

describe('outputs as JSON', () => {
  it('keep every value, also those that JSON numbers cannot say', () => {
    expect(json('f32', Float32Array.of(1.5, Number.NaN, -Infinity))?.data).toEqual([1.5, 'NaN', '-Infinity']);
    expect(json('i64', BigInt64Array.of(-3n, 2n ** 60n))?.data).toEqual([-3, '1152921504606846976']);
    expect(json('bool', Uint8Array.of(0, 1))?.data).toEqual([false, true]);
  });

  it('give 16-bit floats as numbers', () => {
    const half = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x7e00);
    expect(json('f16', half)?.data).toEqual([1, -2, 65504, 2 ** -24, -0, 'Infinity', 'NaN']);
    expect(json('bf16', Uint16Array.of(0x3f80, 0xc000, 0x7f80))?.data).toEqual([1, -2, 'Infinity']);
  });

  it('say when they are not all of the values', () => {
    expect(json('u8', new Uint8Array(3))).toEqual({ dtype: 'u8', shape: [3], data: [0, 0, 0] });
    const large = json('u8', new Uint8Array(maxJsonValues + 1));
    expect([large?.data.length, large?.truncatedFrom]).toEqual([maxJsonValues, maxJsonValues + 1]);
  });
});
