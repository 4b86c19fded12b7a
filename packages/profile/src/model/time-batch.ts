import { throwIfCancelled } from '@cutpoint/core';
import { median } from '../statistics.js';

/** What is timed. */
export interface TimedSegment {
  /** Runs it once; from the call to its result, in ms. */
  run(): Promise<number>;
}

/** Times of one segment against the reference segment that ran just before and after. */
export interface Batch {
  /** Of each round: the segment's time over the mean of its neighbouring reference runs. */
  readonly ratios: readonly (readonly number[])[];
  /** Of the reference in this batch, in ms. */
  readonly referenceMs: readonly number[];
  /** How far the reference drifted from one half of the batch to the other: larger over smaller, less 1. */
  readonly drift: number;
}

/**
 * Runs segments in turn with the reference, round after round: reference, segments, reference, ... Whatever slows the
 * machine down for longer than a round slows both, and cancels in the ratio; a short disturbance spoils one round, which
 * the median over rounds does not see.
 */
export async function timeBatch(
  reference: TimedSegment,
  segments: readonly TimedSegment[],
  rounds: number,
  signal?: AbortSignal,
): Promise<Batch> {
  const timeReference = await warmTimer(reference);
  const timers = await inOrder(segments, warmTimer);
  const referenceMs = [await timeReference()];
  const ratios: number[][] = segments.map(() => []);
  for (let round = 0; round < rounds; round++) {
    throwIfCancelled(signal);
    const times = await inOrder(timers, (time) => time());
    const before = referenceMs.at(-1) ?? 0;
    const after = await timeReference();
    referenceMs.push(after);
    for (const [i, ms] of times.entries()) ratios[i]?.push((2 * ms) / (before + after));
  }
  return { ratios, referenceMs, drift: driftOf(referenceMs) };
}

/** In a row, a segment runs for about this long, but not more often than that. */
const rowMs = 10;
const mostInARow = 6;

/**
 * A function that runs a segment a few times in a row and gives the time of the last: the caches then hold what they hold
 * in a stream of requests. In the first run after another segment a short one takes twice as long, and one of 100 ms as
 * long as ever.
 */
async function warmTimer(segment: TimedSegment): Promise<() => Promise<number>> {
  await segment.run();
  const ms = await segment.run();
  const runs = ms > 100 ? 1 : Math.min(mostInARow, Math.max(2, Math.ceil(rowMs / ms)));
  return async () => {
    for (let run = 1; run < runs; run++) await segment.run();
    return await segment.run();
  };
}

/** One after the other: nothing may run beside what is timed. */
async function inOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

function driftOf(times: readonly number[]): number {
  const middle = Math.ceil(times.length / 2);
  const halves = [median(times.slice(0, middle)), median(times.slice(middle))];
  return Math.max(...halves) / Math.min(...halves) - 1;
}
