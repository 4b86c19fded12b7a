import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CutpointError, messageOf } from '@cutpoint/core';
import { sha256 } from './model-file.js';
import { parseSegmentsFile, type SegmentsFile } from './segments-schema.js';
import { type SplitModel, shapesOf } from './split-model.js';

/**
 * Opens a `segments.json`. Segment files are read when they are loaded, and must be what was written.
 * @throws CutpointError CUT_FILE_NOT_FOUND or CUT_MODEL_INVALID
 */
export async function openSegmentsFolder(path: string): Promise<SplitModel> {
  const description = await readSegmentsFile(path);
  const folder = dirname(resolve(path));
  return {
    name: description.model.name,
    modelHash: description.model.sha256,
    inputs: description.inputs,
    outputs: description.outputs,
    cuts: description.cuts,
    assumed: [],
    segments: description.segments.map(({ file, sha256: expected, ...plan }) => ({
      ...plan,
      async source() {
        if (file === null) return null;
        await checkHash(join(folder, file), expected);
        return { kind: 'file', path: join(folder, file) };
      },
      inputShapes: shapesOf(description.cuts[plan.index - 1] ?? { tensors: [] }),
    })),
  };
}

async function readSegmentsFile(path: string): Promise<SegmentsFile> {
  return parseSegmentsFile((await readOrExplain(path)).toString('utf8'), path);
}

async function checkHash(path: string, expected: string | null): Promise<void> {
  if (sha256(await readOrExplain(path)) === expected) return;
  throw new CutpointError('CUT_MODEL_INVALID', `${path} is not the segment that segments.json names: split again.`);
}

async function readOrExplain(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${messageOf(cause)}.`, { cause });
  }
}
