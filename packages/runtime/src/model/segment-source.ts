import { type Model, serialiseModel } from '@cutpoint/graph';
import type { SegmentSource } from '../segment/segment.js';
import type { ModelFile } from './model-file.js';

/**
 * A model that was derived from a file (a segment, or the model with other outputs) in the form that the runtime loads:
 * its bytes, and the folder where its external weights lie.
 * @throws CutpointError CUT_MODEL_TOO_LARGE
 */
export function sourceOf(model: Model, origin: ModelFile): SegmentSource {
  const source = { kind: 'bytes', model: serialiseModel(model) } as const;
  return origin.externalFiles.length === 0 ? source : { ...source, weightsFolder: origin.folder };
}
