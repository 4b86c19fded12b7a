import { type Tensor, tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceOf } from './difference.js';

const named = (tensor: Tensor) => new Map([['y', tensor]]);
const f32 = (values: readonly number[]) => named(tensorOf('f32', [values.length], Float32Array.from(values)));
const i32 = (values: readonly number[]) => named(tensorOf('i32', [values.length], Int32Array.from(values)));

describe('the difference between tensors', () => {
  it('is none of a tensor from itself, whatever it holds', () => {
    fc.assert(
      fc.property(fc.array(fc.float()), (values) => {
        expect(differenceOf(f32(values), f32(values))).toBe(0);
      }),
    );
  });

  it('is the root of the mean square of differences over that of values', () => {
    expect(differenceOf(f32([3, 4.5]), f32([3, 4]))).toBeCloseTo(0.1, 12);
  });

  it('is the share that differs, of integers', () => {
    expect(differenceOf(i32([1, 2, 3, 5]), i32([1, 2, 3, 4]))).toBe(0.25);
  });

  it('has no bound where no number is, none is due, or a tensor is missing or has another form', () => {
    const due = f32([1, 2]);
    for (const found of [f32([1, Number.NaN]), f32([Number.POSITIVE_INFINITY, 2]), f32([1]), i32([1, 2]), new Map()]) {
      expect(differenceOf(found, due)).toBe(Number.POSITIVE_INFINITY);
    }
    expect(differenceOf(f32([1]), f32([Number.NaN]))).toBe(Number.POSITIVE_INFINITY);
    expect(differenceOf(f32([1]), f32([0]))).toBe(Number.POSITIVE_INFINITY);
  });

  it('is the worst of several tensors', () => {
    const two = (a: number, b: number) =>
      new Map([...f32([a])].concat([['z', tensorOf('f32', [1], Float32Array.of(b))]]));
    expect(differenceOf(two(1, 1.5), two(1, 1))).toBe(0.5);
  });
});
