import { type Tensor, tensorOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { largestDifference, type Readers, readBothWays } from './measure.js';

const classes = ['', 'a', 'b'];
const signal = new AbortController().signal;
const input = tensorOf('f32', [1], new Float32Array([0]));
const timing = (totalMs: number) => ({
  frontMs: 1,
  encodeMs: 0,
  sendMs: 0,
  remoteMs: 1,
  decodeMs: 0,
  totalMs,
  stages: [],
  links: [],
});

function steps(...values: number[]): Tensor {
  return tensorOf('f32', [1, values.length / 3, 3], Float32Array.from(values));
}

/** Readers that always answer the same, and take the given times one after another. */
function readers(whole: Tensor, split: Tensor, times: readonly number[]): Readers {
  let wholeRuns = 0;
  let splitRuns = 0;
  return {
    whole: async () => ({ probabilities: whole, totalMs: times[wholeRuns++] ?? 0 }),
    split: async () => ({ probabilities: split, timing: timing(times[splitRuns++] ?? 0) }),
  };
}

const read = (whole: Tensor, split: Tensor, times: readonly number[] = []) =>
  readBothWays(input, { readers: readers(whole, split, times), classes, signal });

describe('reading a picture both ways', () => {
  it('agrees where text and probabilities are the same, and gives the median times without the first run', async () => {
    const answer = steps(0.1, 0.8, 0.1, 0.9, 0.1, 0, 0, 0.4, 0.6);
    const result = await read(answer, answer, [900, 5, 1, 3]);
    expect(result).toMatchObject({
      agree: true,
      maxAbsDiff: 0,
      whole: { text: 'ab', totalMs: 3 },
      split: { text: 'ab' },
    });
    expect(result.split.timing.totalMs).toBe(3);
  });

  it('allows what rounding does, and no more', async () => {
    const exact = steps(0.1, 0.8, 0.1);
    expect((await read(exact, steps(0.1, 0.80005, 0.1))).agree).toBe(true);
    expect((await read(exact, steps(0.1, 0.8002, 0.1))).agree).toBe(false);
  });

  it('disagrees about another text however near the probabilities are', async () => {
    const result = await read(steps(0, 0.5, 0.49999), steps(0, 0.49999, 0.5));
    expect(result).toMatchObject({ agree: false, whole: { text: 'a' }, split: { text: 'b' } });
  });
});

describe('the largest difference', () => {
  it('is infinite for other shapes and for values that are no numbers', () => {
    expect(largestDifference(steps(1, 2, 3), steps(1, 2, 3, 4, 5, 6))).toBe(Number.POSITIVE_INFINITY);
    expect(largestDifference(steps(1, 2, 3), steps(1, Number.NaN, 3))).toBe(Number.POSITIVE_INFINITY);
    expect(largestDifference(steps(1, 2, 3), steps(1, 2.5, 3.25))).toBe(0.5);
  });
});
