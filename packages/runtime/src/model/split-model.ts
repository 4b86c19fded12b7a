import type { DType, TensorSpec } from '@cutpoint/core';
import type { ExtractedSegment } from '@cutpoint/graph';
import type { SegmentSource } from '../segment/segment.js';
import type { AssumedDim } from './input-types.js';

/** A cut as both of its sides must know it. */
export interface CutIdentity {
  readonly index: number;
  readonly name: string;
  readonly tensors: readonly { readonly name: string; readonly dtype: DType; readonly shape: readonly number[] }[];
}

/** A segment's place in a split model. `source` gives its model; null if there is nothing to compute. */
export interface SegmentPlan extends Pick<ExtractedSegment, 'index' | 'receives' | 'sends' | 'answers'> {
  source(): Promise<SegmentSource | null>;
  /** Shapes of what it receives, as far as they were measured. */
  readonly inputShapes?: ReadonlyMap<string, readonly number[]>;
}

/** A model with its cuts chosen. */
export interface SplitModel {
  readonly name: string;
  /** SHA-256 of the uncut model file, in hex. */
  readonly modelHash: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly string[];
  readonly cuts: readonly CutIdentity[];
  readonly segments: readonly SegmentPlan[];
  readonly assumed: readonly AssumedDim[];
}

/** Of what crosses a cut. */
export function shapesOf({ tensors }: Pick<CutIdentity, 'tensors'>): ReadonlyMap<string, readonly number[]> {
  return new Map(tensors.map(({ name, shape }) => [name, shape]));
}
