import type { Batch } from './time-batch.js';
import type { Span } from './time-segments.js';

/** Segments that are timed together: those before and behind a cut, and with `to` the one between two cuts alone. */
export interface BatchPlan {
  readonly cut: number;
  readonly to?: number;
}

/** How steady times have to be. */
export interface SteadyOptions {
  readonly rounds: number;
  /** Whether there is time for another try. */
  readonly hasTime: () => boolean;
}

export interface TimedGroup {
  /** In the order of the batch's ratios. */
  readonly segments: readonly (Span & { readonly loadMs: number })[];
  readonly batch: Batch;
}

/** What times the segments of one model, here or elsewhere; the whole model is the reference. */
export interface SegmentTimer extends AsyncDisposable {
  /** Loading the whole model, in ms. */
  readonly loadMs: number;
  /** The whole model once, warmed up, in ms. */
  wholeMs(): Promise<number>;
  /** Times of the segments of a group, newly loaded. */
  time(group: BatchPlan, steady: SteadyOptions): Promise<TimedGroup>;
  /** Times of the whole model alone, in ms. */
  timeWhole(rounds: number): Promise<readonly number[]>;
}
