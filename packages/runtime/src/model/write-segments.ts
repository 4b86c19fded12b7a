import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import {
  type ExternalRange,
  type ExtractedSegment,
  type Model,
  relocateExternal,
  serialiseModel,
} from '@cutpoint/graph';
import { type CutModel, segmentsOf } from './cut-model.js';
import { sha256 } from './model-file.js';
import type { SegmentsFile } from './segments-schema.js';
import type { SplitModel } from './split-model.js';

/**
 * Writes the segments between cuts as `segment-0.onnx`, `segment-1.onnx`, ... and `segments.json` into a folder.
 * External weights go to `segment-N.onnx.data`, each segment's own part only.
 * Files of these names are replaced, but never the model itself.
 * @throws CutpointError CUT_ILLEGAL_CUT or CUT_FILE_WRITE
 */
export async function writeSegments(model: CutModel, at: readonly number[], folder: string): Promise<SegmentsFile> {
  const segments = segmentsOf(model, at);
  refuseToOverwrite(model, segments, folder);
  try {
    await mkdir(folder, { recursive: true });
    // Whole or not at all: a full disk must not leave half a segment under a good name.
    const unfinished = await mkdtemp(join(folder, '.unfinished-'));
    try {
      const description = await writeAll(model, at, segments, unfinished);
      for (const name of await readdir(unfinished)) await rename(join(unfinished, name), join(folder, name));
      return description;
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  } catch (cause) {
    throw asCutpointError(cause, 'CUT_FILE_WRITE', `The segments cannot be written to ${folder}`);
  }
}

/** Segments written over the model they are made from, or over its weights, would destroy it. */
function refuseToOverwrite(model: CutModel, segments: readonly ExtractedSegment[], folder: string): void {
  const { path, folder: home, externalFiles } = model.file;
  const reads = new Set([path, ...externalFiles.map((file) => join(home, file))]);
  const names = segments.flatMap(({ index }) => [`segment-${index}.onnx`, `segment-${index}.onnx.data`]);
  const clash = names.map((name) => join(resolve(folder), name)).find((name) => reads.has(name));
  if (clash === undefined) return;
  throw new CutpointError(
    'CUT_FILE_WRITE',
    `The segments would overwrite ${clash}, which they are made from: name another folder.`,
  );
}

async function writeAll(
  model: CutModel,
  at: readonly number[],
  segments: readonly ExtractedSegment[],
  folder: string,
): Promise<SegmentsFile> {
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
