import { f32Values, type Tensor } from '@cutpoint/core';
import type { SplitTiming } from '@cutpoint/daemon';
import { decodeCtc, type Reading } from '@cutpoint/picture';

/** The two ways to run the model: from the picture's tensor to the probabilities of the characters. */
export interface Readers {
  whole(input: Tensor, signal: AbortSignal): Promise<{ probabilities: Tensor; totalMs: number }>;
  split(input: Tensor, signal: AbortSignal): Promise<{ probabilities: Tensor; timing: SplitTiming }>;
}

/** What came out for one picture. Times are those of the run with the median total. */
export interface PictureResult {
  readonly whole: Reading & { readonly totalMs: number };
  readonly split: Reading & { readonly timing: SplitTiming };
  /** Largest difference between the probabilities of split and whole, over all runs; infinite if shapes differ. */
  readonly maxAbsDiff: number;
  readonly agree: boolean;
}

/** Odd, so that the median is a run that took place. */
const measuredRuns = 3;

/**
 * What the runtime's optimiser may change: it fuses operators across the cut in the whole model and cannot in the
 * split one, which rounds differently in the last bits. Probabilities lie between 0 and 1.
 */
const tolerance = 1e-4;

/** Reads a picture whole and split: once to warm up, for a new width costs more, then in turns for the times. */
export async function readBothWays(
  input: Tensor,
  { readers, classes, signal }: { readers: Readers; classes: readonly string[]; signal: AbortSignal },
): Promise<PictureResult> {
  const whole: PictureResult['whole'][] = [];
  const split: PictureResult['split'][] = [];
  let maxAbsDiff = 0;
  for (let run = 0; run <= measuredRuns; run++) {
    const one = await readers.whole(input, signal);
    const other = await readers.split(input, signal);
    maxAbsDiff = Math.max(maxAbsDiff, largestDifference(one.probabilities, other.probabilities));
    if (run === 0) continue;
    whole.push({ ...decodeCtc(one.probabilities, classes), totalMs: one.totalMs });
    split.push({ ...decodeCtc(other.probabilities, classes), timing: other.timing });
  }
  const sameText = [...whole, ...split].every(({ text }) => text === whole[0]?.text);
  return {
    whole: median(whole, ({ totalMs }) => totalMs),
    split: median(split, ({ timing }) => timing.totalMs),
    maxAbsDiff,
    agree: sameText && maxAbsDiff <= tolerance,
  };
}

/** Largest difference between two f32 tensors, infinite if their shapes differ or a value is not a number. */
export function largestDifference(a: Tensor, b: Tensor): number {
  if (a.shape.join() !== b.shape.join()) return Number.POSITIVE_INFINITY;
  const others = f32Values(b);
  let largest = 0;
  for (const [index, value] of f32Values(a).entries()) {
    const difference = Math.abs(value - (others[index] ?? Number.NaN));
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    if (difference > largest) largest = difference;
  }
  return largest;
}

function median<T>(items: readonly T[], key: (item: T) => number): T {
  const middle = items.toSorted((a, b) => key(a) - key(b))[items.length >> 1];
  if (middle === undefined) throw new RangeError('The median of nothing was asked for.');
  return middle;
}
