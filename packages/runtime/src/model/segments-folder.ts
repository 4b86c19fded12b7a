import { createWriteStream } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CutpointError, type DType, isDType, messageOf } from '@cutpoint/core';
import { type ExternalRange, type Model, relocateExternal, serialiseModel } from '@cutpoint/graph';
import { z } from 'zod';
import { type CutModel, segmentsOf } from './cut-model.js';
import { sha256 } from './model-file.js';
import type { SplitModel } from './split-model.js';

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
 * Writes the segments between cuts as `segment-0.onnx`, `segment-1.onnx`, ... and `segments.json` into a folder.
 * External weights go to `segment-N.onnx.data`, each segment's own part only.
 * @throws CutpointError CUT_ILLEGAL_CUT
 */
export async function writeSegments(model: CutModel, at: readonly number[], folder: string): Promise<SegmentsFile> {
  const segments = segmentsOf(model, at);
  await mkdir(folder, { recursive: true });
  const written: SegmentsFile['segments'] = [];
  for (const { model: segment, ...plan } of segments) {
    const file = segment === null ? null : `segment-${plan.index}.onnx`;
    const hash =
      segment === null || file === null ? null : await writeSegment(segment, model.file.folder, folder, file);
    written.push({ ...copyOf(plan), file, sha256: hash });
  }
  const description: SegmentsFile = {
    format: 'cutpoint-segments',
    version: 1,
    model: { name: model.file.name, sha256: model.file.hash },
    inputs: model.inputs.map((input) => ({ ...input, shape: [...input.shape] })),
    outputs: [...model.outputs],
    cuts: at
      .flatMap((index) => model.list.cuts.slice(index, index + 1))
      .map(({ index, name, tensors }) => ({
        index,
        name,
        tensors: tensors.map((tensor) => ({ ...tensor, shape: [...tensor.shape] })),
      })),
    segments: written,
  };
  await writeFile(join(folder, 'segments.json'), `${JSON.stringify(description, null, 2)}\n`);
  return description;
}

function copyOf(plan: Pick<SplitModel['segments'][number], 'index' | 'receives' | 'sends' | 'answers'>) {
  return { index: plan.index, receives: [...plan.receives], sends: [...plan.sends], answers: [...plan.answers] };
}

/** External weights start on page boundaries, so that the runtime can map them from the file. */
const pageBytes = 4096;

async function writeSegment(segment: Model, from: string, folder: string, file: string): Promise<string> {
  const moves: { range: ExternalRange; offset: number }[] = [];
  let end = 0;
  const relocated = relocateExternal(segment, (range) => {
    const offset = Math.ceil(end / pageBytes) * pageBytes;
    end = offset + range.length;
    moves.push({ range, offset });
    return { location: `${file}.data`, offset };
  });
  if (moves.length > 0) await copyRanges(moves, from, join(folder, `${file}.data`));
  const bytes = serialiseModel(relocated);
  await writeFile(join(folder, file), bytes);
  return sha256(bytes);
}

async function copyRanges(moves: readonly { range: ExternalRange; offset: number }[], from: string, to: string) {
  await writeFile(to, '');
  for (const { range, offset } of moves) {
    if (range.length === 0) continue;
    const source = await open(join(from, range.location));
    // Both streams close what they hold when the pipeline ends or fails.
    const input = source.createReadStream({ start: range.offset, end: range.offset + range.length - 1 });
    await pipeline(input, createWriteStream(to, { flags: 'r+', start: offset }));
  }
}

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
