import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';
import {
  type Graph,
  indexGraph,
  type Model,
  maxModelBytes,
  type Preprocessing,
  parseModel,
  prependPreprocessing,
} from '@cutpoint/graph';
import type { PictureFit } from '@cutpoint/picture';
import { checkExternalFiles } from './external-files.js';
import { readPreprocessing } from './preprocessing-file.js';

/** An ONNX file that was read: its graph in memory, its external weights left where they are. */
export interface ModelFile {
  readonly path: string;
  readonly name: string;
  readonly folder: string;
  /** SHA-256 of the file in hex, with its preprocessing if it has one; external weights are not part of it. */
  readonly hash: string;
  readonly model: Model;
  readonly graph: Graph;
  /** Files with external weights, relative to the folder. Empty if all weights are inside the model file. */
  readonly externalFiles: readonly string[];
  /** What was put before the model's own nodes, so that it takes pixels. */
  readonly preprocessing: Preprocessing | undefined;
  /** How pictures of any size become those pixels, where a preprocessing is declared. The hash does not depend on it. */
  readonly pictureFit: PictureFit | undefined;
}

/**
 * Reads an ONNX file, and the file that declares its preprocessing: the one named, or the one beside it if there is one.
 * External weights are checked to be there and long enough, but not read.
 * @throws CutpointError CUT_FILE_NOT_FOUND, CUT_MODEL_INVALID, CUT_MODEL_TOO_LARGE, CUT_EXTERNAL_DATA, CUT_PREPROCESSING.
 */
export async function readModelFile(path: string, preprocessingPath?: string): Promise<ModelFile> {
  const absolute = resolve(path);
  const bytes = await readBounded(absolute);
  const name = basename(absolute);
  const { graph: preprocessing, fit: pictureFit } = (await readPreprocessing(absolute, preprocessingPath)) ?? {};
  const own = parseModel(bytes, name);
  const model = preprocessing === undefined ? own : prependPreprocessing(own, preprocessing);
  const graph = indexGraph(model);
  const folder = dirname(absolute);
  const externalFiles = await checkExternalFiles(model, folder);
  const hash = preprocessing === undefined ? sha256(bytes) : hashOf(bytes, preprocessing);
  return { path: absolute, name, folder, hash, model, graph, externalFiles, preprocessing, pictureFit };
}

function hashOf(bytes: Uint8Array, preprocessing: Preprocessing): string {
  return sha256(Buffer.from(`${sha256(bytes)} ${JSON.stringify(preprocessing)}`));
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > maxModelBytes) {
      throw new CutpointError(
        'CUT_MODEL_TOO_LARGE',
        `${path} is larger than 2 GB, which an ONNX file cannot be: save the model with external data.`,
      );
    }
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof CutpointError) throw cause;
    throw new CutpointError('CUT_FILE_NOT_FOUND', `The model ${path} cannot be read: ${systemReason(cause)}.`, {
      cause,
    });
  }
}

/** SHA-256 in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
