import type { NamedTensors } from '@cutpoint/core';
import { throwIfCancelled } from '@cutpoint/core';
import { type CutModel, loadStage, type SegmentPlan, segmentsOf, sourceOf } from '@cutpoint/runtime';
import { median } from '../statistics.js';

/** How segments are loaded and run. */
export interface StageOptions {
  readonly threads: number;
  readonly provider: string;
  readonly isolation?: 'thread' | 'process';
  readonly slowDown?: number;
  /** As `SegmentOptions` has it. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where a segment lies: between these cuts. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A segment that is loaded. */
export interface LoadedSpan extends Span, AsyncDisposable {
  readonly loadMs: number;
  /** What computes it; undefined where there is nothing to compute. */
  readonly provider: string | undefined;
  /** See `Stage.processId`. */
  readonly processId: number | undefined;
  /** The segment with what crosses the cut before it. */
  on(inputs: NamedTensors): RunnableSpan;
}

/** A segment and what to run it on, the same every time. */
export interface RunnableSpan extends Span {
  readonly loadMs: number;
  /** Runs it once; from the call to its result, in ms. */
  run(): Promise<number>;
  /** Runs it once and gives what crosses the cut behind it. */
  sends(): Promise<NamedTensors>;
}

/** Loads the segment between two cuts as a daemon does. @throws CutpointError what `loadStage` throws. */
export async function loadSpan(model: CutModel, { from, to }: Span, options: StageOptions): Promise<LoadedSpan> {
  const { signal, ...rest } = options;
  const began = performance.now();
  const stage = await loadStage(planOf(model, { from, to }), { ...rest, ...(signal && { signal }) });
  const loadMs = performance.now() - began;
  return {
    from,
    to,
    loadMs,
    provider: stage.provider?.provider,
    processId: stage.processId,
    on(inputs) {
      const call = () => stage.run(inputs, signal && { signal });
      return {
        from,
        to,
        loadMs,
        async run() {
          const start = performance.now();
          await call();
          return performance.now() - start;
        },
        sends: async () => (await call()).sends,
      };
    },
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  };
}

function planOf(model: CutModel, { from, to }: Span): SegmentPlan {
  const last = model.list.cuts.length - 1;
  const at = [from, to].filter((cut) => cut > 0 && cut < last);
  const segment = segmentsOf(model, at)[from > 0 ? 1 : 0];
  if (segment === undefined) throw new RangeError(`There is no segment from cut ${from} to cut ${to}.`);
  return { ...segment, source: async () => (segment.model === null ? null : sourceOf(segment.model, model.file)) };
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
  reference: RunnableSpan,
  segments: readonly RunnableSpan[],
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
const rowMs = 6;
const mostInARow = 6;

/**
 * A function that runs a segment a few times in a row and gives the time of the last: the caches then hold what they hold
 * in a stream of requests. In the first run after another segment a short one takes twice as long, and one of 100 ms as
 * long as ever.
 */
async function warmTimer(segment: RunnableSpan): Promise<() => Promise<number>> {
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
