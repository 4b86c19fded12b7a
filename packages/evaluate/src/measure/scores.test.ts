import { tensorOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { classOf, compare, scoresOf } from './scores.js';

const named = (shape: number[], values: number[]) =>
  scoresOf(new Map([['y', tensorOf('f32', shape, Float32Array.from(values))]]));

describe('scores of a model', () => {
  it('are rows over the classes, whatever dimensions of one lie around them', () => {
    for (const shape of [[3], [1, 3], [1, 3, 1, 1], [1, 1, 3]]) expect(classOf(named(shape, [0, 2, 1]))).toBe(1);
  });

  it('of a map lie in its second dimension', () => {
    // Two classes at two places: 0 beats 1 at the first, 1 beats 0 at the second.
    const [map] = named([1, 2, 1, 2], [5, 0, 1, 3]);
    expect(map).toEqual({ classes: 2, values: Float64Array.of(5, 1, 0, 3) });
  });

  it('are not one class where there are several rows, and none where there is nothing to choose from', () => {
    const wrong = expect.objectContaining({ code: 'CUT_DATASET' });
    expect(() => classOf(named([1, 2, 3], [0, 1, 2, 3, 4, 5]))).toThrow(wrong);
    expect(() => named([1, 1], [1])).toThrow(wrong);
    expect(() => scoresOf(new Map([['ids', tensorOf('i64', [2], BigInt64Array.of(1n, 2n))]]))).toThrow(wrong);
  });
});

describe('two answers', () => {
  it('agree in the share of rows with the same best class', () => {
    const whole = named([1, 2, 2], [1, 0, 1, 0]);
    expect(compare(whole, named([1, 2, 2], [9, 0, 0, 1])).agreement).toBe(0.5);
    expect(compare(whole, whole)).toEqual({ agreement: 1, divergence: 0 });
  });

  it('diverge as Kullback and Leibler say, of scores and of probabilities', () => {
    const [p, q] = [0.75, 0.5];
    const expected = p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
    expect(compare(named([2], [p, 1 - p]), named([2], [q, 1 - q])).divergence).toBeCloseTo(expected, 12);
    const scores = [Math.log(3), 0];
    expect(compare(named([2], scores), named([2], [7, 7])).divergence).toBeCloseTo(expected, 6);
  });

  it('do not agree with what is not a number', () => {
    const { agreement, divergence } = compare(named([2], [1, 0]), named([2], [Number.NaN, Number.NaN]));
    expect(agreement).toBe(0);
    expect(divergence).toBeGreaterThan(10);
    expect(divergence).toBeLessThan(100);
  });
});
