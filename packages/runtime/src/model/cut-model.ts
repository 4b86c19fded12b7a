import type { TensorSpec } from '@cutpoint/core';
import { type CutList, type ExtractedSegment, extractSegments, listCuts } from '@cutpoint/graph';
import { type AssumedDim, inputSpecs } from './input-types.js';
import { type ModelFile, readModelFile } from './model-file.js';
import { measureShapes, type ShapeOptions } from './shape-oracle.js';

/** A model that is ready to be cut. */
export interface CutModel {
  readonly file: ModelFile;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly string[];
  readonly list: CutList;
  /** Free dimensions that were not set, with the sizes that the shapes were measured at. */
  readonly assumed: readonly AssumedDim[];
}

export interface OpenOptions extends ShapeOptions {
  /** The file that declares the model's preprocessing; unless given, `model.preprocessing.json` beside it, if there is one. */
  readonly preprocessing?: string | undefined;
}

/**
 * Reads a model, measures its shapes (cached) and lists its cuts.
 * @throws CutpointError see `readModelFile`, `measureShapes` and `listCuts`.
 */
export async function openCutModel(path: string, options: OpenOptions = {}): Promise<CutModel> {
  return await cutModelOf(await readModelFile(path, options.preprocessing), options);
}

/** Like `openCutModel`, for a file that was read already. */
export async function cutModelOf(file: ModelFile, options: ShapeOptions = {}): Promise<CutModel> {
  const { shapes, assumed } = await measureShapes(file, options);
  return {
    file,
    inputs: inputSpecs(file.graph),
    outputs: file.graph.outputs.map((output) => output.name),
    list: listCuts(file.graph, shapes),
    assumed,
  };
}

/** The segments of a model between cuts. @throws CutpointError CUT_ILLEGAL_CUT */
export function segmentsOf(model: CutModel, at: readonly number[]): ExtractedSegment[] {
  return extractSegments(model.list, at);
}
