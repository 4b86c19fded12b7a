import type { NamedTensors } from '@cutpoint/core';
import { type CutModel, loadStage, type SegmentPlan, segmentsOf, sourceOf } from '@cutpoint/runtime';
import type { TimedSegment } from './time-batch.js';

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

/** The segments of a chain with these inner cuts, in order. */
export function chainOf(cuts: readonly number[], last: number): readonly Span[] {
  return [...cuts, last].map((to, i) => ({ from: cuts[i - 1] ?? 0, to }));
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
export interface RunnableSpan extends Span, TimedSegment {
  readonly loadMs: number;
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
