import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Assignment,
  type ContentFetcher,
  type ContentStore,
  type DeployedFile,
  deployedPlace,
  type Hold,
} from '@cutpoint/control';
import { type CancelSignal, CutpointError } from '@cutpoint/core';
import { Deadline, DeployedModel, type DeployedSplit, openCodecTables } from '@cutpoint/daemon';
import { openSplit, type SegmentOptions } from '@cutpoint/runtime';
import { type LaidOut, layOut } from './lay-out.js';
import { checkMemory } from './memory.js';

export interface PrepareOptions {
  readonly store: ContentStore;
  readonly fetcher: ContentFetcher;
  /** Where this deployment's files get their names. */
  readonly folder: string;
  readonly segmentOptions: SegmentOptions;
  /** How long all of its files may take to come. */
  readonly fetchMs: number;
  /** Memory that is free now. */
  readonly freeMemoryBytes: () => number;
  /** Makes what is loaded quick for its first request. */
  readonly warm?: ((model: DeployedModel, assignment: Assignment, signal: CancelSignal) => Promise<void>) | undefined;
  /** How long that may take. */
  readonly warmMs: number;
  readonly signal: CancelSignal;
  /** Hears of bytes that are here, out of all; then, once all are, that segments are loaded. */
  readonly onProgress: (progress: {
    phase: 'fetching' | 'preparing';
    fetchedBytes: number;
    totalBytes: number;
  }) => void;
}

/** An assignment that is ready: its files are held, its segments loaded. */
export interface PreparedAssignment extends AsyncDisposable {
  readonly assignment: Assignment;
  readonly model: DeployedModel;
  /** Lets requests end for up to `graceMs`, then frees all of it but the cached files. */
  drain(graceMs: number): Promise<void>;
}

/**
 * Fetches what an assignment needs, checks that it fits, and loads it beside whatever is loaded already.
 * @throws CutpointError CUT_MEMORY, CUT_DISK_FULL, CUT_CONTENT, CUT_DEPLOYMENT, CUT_DEADLINE; what fetching and loading throw.
 */
export async function prepareAssignment(assignment: Assignment, options: PrepareOptions): Promise<PreparedAssignment> {
  const { folder } = options;
  const holds: Hold[] = [];
  const release = async () => {
    await rm(folder, { recursive: true, force: true });
    for (const hold of holds) hold[Symbol.dispose]();
  };
  try {
    // Nothing is fetched for what would be refused in the end.
    checkMemory(assignment.deployment, needsOf(assignment), options.freeMemoryBytes());
    const names = await fetchAll(assignment, options, holds);
    options.onProgress({ phase: 'preparing', ...bytesOf(assignment, holds) });
    const files = names.map((name, i) => ({ name, hold: holds[i] as Hold })); // one hold for each name
    const model = await loadModel(assignment, await layOut(folder, files), options);
    try {
      await warmUp(model, assignment, options);
    } catch (thrown) {
      await model.drain(0);
      throw thrown;
    }
    const drain = async (graceMs: number) => {
      await model.drain(graceMs);
      await release();
    };
    return { assignment, model, drain, [Symbol.asyncDispose]: () => drain(0) };
  } catch (thrown) {
    await release();
    throw thrown;
  }
}

/** @throws CutpointError CUT_DEADLINE, the signal's reason, and what `warm` throws */
async function warmUp(
  model: DeployedModel,
  assignment: Assignment,
  { warm, warmMs, signal }: PrepareOptions,
): Promise<void> {
  using deadline = new Deadline(warmMs, signal);
  try {
    await warm?.(model, assignment, deadline);
  } catch (thrown) {
    if (!deadline.aborted || signal.aborted) throw thrown;
    const message = `The first runs of ${assignment.deployment} took longer than ${warmMs / 1000} s on this device: deploy it to a faster one, or cut it.`;
    throw new CutpointError('CUT_DEADLINE', message, { cause: thrown });
  }
}

function needsOf({ segments }: Assignment) {
  return segments.map(({ file: { hash }, memoryBytes }) => ({ hash, memoryBytes }));
}

/** Returns the names of what is held. */
async function fetchAll(assignment: Assignment, options: PrepareOptions, holds: Hold[]): Promise<string[]> {
  const endsAtMs = performance.now() + options.fetchMs;
  const wanted = [...assignment.segments.map(({ file }) => file), ...assignment.files];
  for (const { name } of wanted) deployedPlace(name);
  for (const file of wanted) {
    const { fetchedBytes, totalBytes } = bytesOf(assignment, holds);
    const onProgress = (here: number) =>
      options.onProgress({ phase: 'fetching', fetchedBytes: fetchedBytes + here, totalBytes });
    holds.push(await fetchVerified(file, options, { deadlineMs: endsAtMs - performance.now(), onProgress }));
  }
  return wanted.map(({ name }) => name);
}

/** Files are verified on their way in, and again where they lay here before: disks forget. */
async function fetchVerified(
  file: DeployedFile,
  { store, fetcher, signal }: PrepareOptions,
  options: { deadlineMs: number; onProgress: (here: number) => void },
): Promise<Hold> {
  const here = await store.hold(file.hash);
  if (here !== undefined && (await store.verify(here))) return here;
  here?.[Symbol.dispose]();
  return await fetcher.fetch(file, { ...options, signal });
}

function bytesOf({ segments, files }: Assignment, holds: readonly Hold[]) {
  const sum = (all: readonly { bytes: number }[]) => all.reduce((total, { bytes }) => total + bytes, 0);
  return { fetchedBytes: sum(holds), totalBytes: sum(segments.map(({ file }) => file)) + sum(files) };
}

async function loadModel(
  assignment: Assignment,
  { splits: folders, tables }: LaidOut,
  { segmentOptions, signal }: PrepareOptions,
): Promise<DeployedModel> {
  const splits: DeployedSplit[] = [];
  for (const { at, folder } of folders) {
    const model = await openSplit(join(folder, 'segments.json'));
    if (String(model.cuts.map(({ index }) => index)) !== String(at) || model.modelHash !== assignment.model.hash) {
      throw new CutpointError('CUT_DEPLOYMENT', `The files for the cut at ${at} are of another cut or model.`);
    }
    splits.push({ model, own: ownSegments(assignment, at, model.segments.length) });
  }
  const known = tables === undefined ? new Map() : await openCodecTables(tables, assignment.model.hash);
  return await DeployedModel.open({ splits, tables: known, segmentOptions, signal });
}

/** The segments of a split that this device runs; of those without anything to compute there are no files. */
function ownSegments({ segments }: Assignment, at: readonly number[], count: number): number[] {
  const isOwn = (index: number) => {
    const from = at[index - 1] ?? 0;
    const to = at[index];
    return segments.some(
      (segment) => segment.from === from && segment.to === to && isOfSplit(segment.file.name, at, index),
    );
  };
  return Array.from({ length: count }, (_, index) => index).filter(isOwn);
}

function isOfSplit(name: string, at: readonly number[], index: number): boolean {
  const place = deployedPlace(name);
  return place.kind === 'split' && String(place.at) === String(at) && place.file === `segment-${index}.onnx`;
}
