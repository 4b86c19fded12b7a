import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CutpointError, type DType, isDType, messageOf } from '@cutpoint/core';
import { z } from 'zod';
import { sha256 } from './model-file.js';
import { type SplitModel, shapesOf } from './split-model.js';

const dtype = z.custom<DType>(isDType, 'must be an element type such as f32');
const size = z.number().int().nonnegative();
const names = z.array(z.string());
const specs = z.array(z.object({ name: z.string(), dtype, shape: z.array(z.union([size, z.string(), z.null()])) }));
const fileName = z.string().regex(/^[^/\\]+\.onnx$/, 'must be the name of an .onnx file in the same folder');

/** `segments.json`: what each side of the cuts needs to know about a split model. */
const segmentsFile = z.object({
  format: z.literal('cutpoint-segments'),
  version: z.literal(1),
  model: z.object({ name: z.string(), sha256: z.string() }),
  inputs: specs,
  outputs: names,
  cuts: z.array(
    z.object({
      index: size,
      name: z.string(),
      tensors: z.array(z.object({ name: z.string(), dtype, shape: z.array(size), bytes: size })),
    }),
  ),
  segments: z.array(
    z.object({
      index: size,
      /** Null where there is nothing to compute. */
      file: fileName.nullable(),
      sha256: z.string().nullable(),
      receives: names,
      sends: names,
      answers: names,
    }),
  ),
});

export type SegmentsFile = z.infer<typeof segmentsFile>;

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
  const text = (await readOrExplain(path)).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CutpointError('CUT_MODEL_INVALID', `${path} is not JSON: ${messageOf(cause)}.`, { cause });
  }
  const parsed = segmentsFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw new CutpointError('CUT_MODEL_INVALID', `${path} is not a segments file: ${where}: ${issue?.message ?? ''}.`);
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
