import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printTransformTable, type TransformTables } from '@cutpoint/codec';
import {
  type Assignment,
  type ContentStore,
  type DeployedFile,
  type Hold,
  splitFileName,
  tableFileName,
} from '@cutpoint/control';
import { type CancelSignal, type TensorSpec, throwIfCancelled } from '@cutpoint/core';
import { type CutModel, outputSpecs, type SegmentsFile, writeSegments } from '@cutpoint/runtime';

export type DeployedSegment = Assignment['segments'][number];

/** A segment as its device gets it: the model, and its external weights where it has any. */
export interface PackagedSegment {
  readonly segment: DeployedSegment;
  readonly weights: DeployedFile | undefined;
}

/** One way to split a model, in the content store. */
export interface PackagedSplit {
  readonly at: readonly number[];
  readonly description: DeployedFile;
  /** Undefined where there is nothing to compute. */
  readonly segments: readonly (PackagedSegment | undefined)[];
}

/** A model as devices fetch it. Its files stay in the store until it is disposed. */
export interface PackagedModel extends Disposable {
  readonly name: string;
  readonly hash: string;
  readonly inputs: readonly TensorSpec[];
  /** Those that can be sent: numbers and booleans. */
  readonly outputs: readonly TensorSpec[];
  /** By `String(at)`. */
  readonly splits: ReadonlyMap<string, PackagedSplit>;
  /** By their names. */
  readonly tables: ReadonlyMap<string, DeployedFile>;
  readonly holds: readonly Hold[];
}

export interface PackageOptions {
  readonly store: ContentStore;
  /** Ways to split; none is the whole model. */
  readonly splits: readonly (readonly number[])[];
  readonly tables?: TransformTables;
  /** What a segment takes when loaded, where it was measured; else what networks of its size take (docs/deploying.md). */
  readonly memoryBytes?: (from: number, to: number | undefined) => number | undefined;
  /** For segments that are being written. Default: the folder for temporary files. */
  readonly scratch?: string;
  readonly signal?: CancelSignal;
}

/**
 * Writes the segments of a model and puts them, and tables of codecs, into the store.
 * @throws CutpointError CUT_ILLEGAL_CUT, CUT_FILE_WRITE, CUT_DISK_FULL, CUT_CANCELLED.
 */
export async function packageModel(model: CutModel, options: PackageOptions): Promise<PackagedModel> {
  const holds: Hold[] = [];
  const release = () => {
    for (const hold of holds) hold[Symbol.dispose]();
  };
  try {
    const splits = new Map<string, PackagedSplit>();
    for (const at of options.splits) {
      throwIfCancelled(options.signal);
      if (!splits.has(String(at))) splits.set(String(at), await packageSplit(model, at, options, holds));
    }
    const tables = new Map<string, DeployedFile>();
    for (const [name, table] of options.tables ?? []) {
      tables.set(name, await putBytes(tableFileName(name), printTransformTable(table), options.store, holds));
    }
    const { file, inputs } = model;
    const outputs = outputSpecs(file.graph);
    return { name: file.name, hash: file.hash, inputs, outputs, splits, tables, holds, [Symbol.dispose]: release };
  } catch (thrown) {
    release();
    throw thrown;
  }
}

async function packageSplit(
  model: CutModel,
  at: readonly number[],
  options: PackageOptions,
  holds: Hold[],
): Promise<PackagedSplit> {
  const folder = await mkdtemp(join(options.scratch ?? tmpdir(), 'cutpoint-deploy-'));
  try {
    const written = await writeSegments(model, at, folder);
    const put = (file: string) => putFile(splitFileName(at, file), join(folder, file), options, holds);
    const names = new Set(await readdir(folder));
    const segments: (PackagedSegment | undefined)[] = [];
    for (const entry of written.segments) segments.push(await packageSegment(entry, at, names, put, options));
    return { at, description: await put('segments.json'), segments };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function packageSegment(
  { index, file }: SegmentsFile['segments'][number],
  at: readonly number[],
  names: ReadonlySet<string>,
  put: (file: string) => Promise<DeployedFile>,
  { memoryBytes }: PackageOptions,
): Promise<PackagedSegment | undefined> {
  if (file === null) return undefined;
  const model = await put(file);
  const weights = names.has(`${file}.data`) ? await put(`${file}.data`) : undefined;
  const from = at[index - 1] ?? 0;
  const to = at[index];
  const assumed = assumedMemory(model.bytes + (weights?.bytes ?? 0));
  const needs = Math.ceil(memoryBytes?.(from, to) ?? assumed);
  const segment = { from, ...(to !== undefined && { to }), file: model, memoryBytes: needs };
  return { segment, weights };
}

/** Weights as they were read and as the runtime packs them, and what it needs besides; measured on image networks. */
function assumedMemory(bytes: number): number {
  return 3 * bytes + 10e6;
}

async function putFile(
  name: string,
  path: string,
  { store, signal }: PackageOptions,
  holds: Hold[],
): Promise<DeployedFile> {
  const { size } = await stat(path);
  const hold = await store.put(createReadStream(path), { maxBytes: size, ...(signal && { signal }) });
  holds.push(hold);
  return { name, hash: hold.hash, bytes: hold.bytes };
}

async function putBytes(name: string, bytes: Uint8Array, store: ContentStore, holds: Hold[]): Promise<DeployedFile> {
  async function* once() {
    yield bytes;
  }
  const hold = await store.put(once(), { maxBytes: bytes.length });
  holds.push(hold);
  return { name, hash: hold.hash, bytes: hold.bytes };
}
