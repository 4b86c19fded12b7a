import { bytesPerElement, type DType, f32Values, valuesOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { randomInputs } from './random-inputs.js';

const input = (dtype: DType) => ({ name: dtype, dtype, shape: [4, 64], declared: [4, 64] });

describe('randomInputs', () => {
  it('are the same for the same seed and others for another', () => {
    const bytes = (seed: number) => randomInputs([input('f32')], seed).get('f32')?.data;
    expect(bytes(3)).toEqual(bytes(3));
    expect(bytes(3)).not.toEqual(bytes(4));
  });

  it('respect every element type and vary', () => {
    const dtypes = Object.keys(bytesPerElement) as DType[];
    for (const [name, tensor] of randomInputs(dtypes.map(input))) {
      expect(tensor.dtype).toBe(name);
      expect(tensor.data.byteLength).toBe(256 * bytesPerElement[tensor.dtype]);
      expect(new Set(Array.from(valuesOf(tensor), Number)).size).toBeGreaterThan(1);
    }
  });

  it('give floats in [-1, 1), finite halves, and indices that any table has', () => {
    const inputs = randomInputs([input('f32'), input('f16'), input('i64'), input('bool')]);
    const all = (name: string) => Array.from(valuesOf(inputs.get(name) ?? fail()), Number);
    expect(Math.max(...f32Values(inputs.get('f32') ?? fail()).map(Math.abs))).toBeLessThanOrEqual(1);
    expect(all('f16').every((bits) => ((bits >> 10) & 31) < 15)).toBe(true);
    expect(new Set(all('i64'))).toEqual(new Set([0, 1]));
    expect(new Set(all('bool'))).toEqual(new Set([0, 1]));
  });
});

function fail(): never {
  throw new Error('The input is missing.');
}
