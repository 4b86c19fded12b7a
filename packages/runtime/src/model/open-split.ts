import { extname } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { cutAt } from '@cutpoint/graph';
import { type CutModel, type OpenOptions, openCutModel, segmentsOf } from './cut-model.js';
import { sourceOf } from './segment-source.js';
import { openSegmentsFolder } from './segments-file.js';
import { type SplitModel, shapesOf } from './split-model.js';

export interface SplitOptions extends OpenOptions {
  /** Indices of the cuts, ascending. Must be absent or empty for a `segments.json`, whose cuts are made already. */
  readonly at?: readonly number[];
}

/**
 * Opens a model split at cuts: a `.onnx` file with `at`, or a `segments.json` that `cutpoint split` wrote, for which a
 * device needs only its own segment's file.
 * @throws CutpointError CUT_ILLEGAL_CUT, CUT_USAGE and what opening the model throws.
 */
export async function openSplit(path: string, options: SplitOptions = {}): Promise<SplitModel> {
  const at = options.at ?? [];
  if (extname(path) === '.json') {
    if (at.length > 0) {
      throw new CutpointError('CUT_USAGE', `${path} is already cut: leave the cut out, or give the model itself.`);
    }
    return await openSegmentsFolder(path);
  }
  return splitOf(await openCutModel(path, options), at);
}

/** An open model split at cuts. @throws CutpointError CUT_ILLEGAL_CUT */
export function splitOf(model: CutModel, at: readonly number[]): SplitModel {
  return {
    name: model.file.name,
    modelHash: model.file.hash,
    inputs: model.inputs,
    outputs: model.outputs,
    cuts: at.map((index) => {
      const { name, tensors } = cutAt(model.list, index);
      return { index, name, tensors };
    }),
    assumed: model.assumed,
    segments: segmentsOf(model, at).map(({ model: segment, ...plan }) => ({
      ...plan,
      source: async () => (segment === null ? null : sourceOf(segment, model.file)),
      inputShapes: shapesOf(cutAt(model.list, at[plan.index - 1] ?? 0)),
    })),
  };
}
