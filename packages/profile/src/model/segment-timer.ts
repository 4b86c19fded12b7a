import type { Batch } from './time-batch.js';
import type { Span } from './time-segments.js';

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
  /** Times of all segments of the chain with these inner cuts, ascending, newly loaded. */
  time(cuts: readonly number[], steady: SteadyOptions): Promise<TimedGroup>;
  /** Times of the whole model alone, in ms. */
  timeWhole(rounds: number): Promise<readonly number[]>;
}
