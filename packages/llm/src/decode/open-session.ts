import './expose-collector.js';
import { join } from 'node:path';
import { type Model, serialiseModel } from '@cutpoint/graph';
import { loadError } from '@cutpoint/runtime';
import * as ort from 'onnxruntime-node';
import type { CacheKind } from '../graph/cache-kind.js';
import { decoderGraph } from '../graph/decoder-graph.js';
import type { LayerRange } from '../graph/range.js';
import type { PackageManifest } from '../package/package-manifest.js';

ort.env.logLevel = 'fatal';

export interface SessionRequest {
  readonly folder: string;
  readonly manifest: PackageManifest;
  readonly range: LayerRange;
  readonly threads: number;
  /** Of onnxruntime. */
  readonly provider: string;
  readonly cache: CacheKind;
}

/**
 * Opens the session of a range of layers. The runtime reads the weights of the package's files, and keeps them in the
 * order that its kernels want.
 * @throws CutpointError CUT_PACKAGE, CUT_ILLEGAL_CUT, CUT_EXTERNAL_DATA or CUT_LOAD.
 */
export async function openSession(request: SessionRequest): Promise<ort.InferenceSession> {
  const { folder, manifest, range, threads, provider, cache } = request;
  return await openGraph(decoderGraph(manifest, range, { cache }), folder, { threads, reorder: true, provider });
}

/** Weights of a graph that are in memory, by the name that it has for their file. */
export interface WeightsInMemory {
  readonly location: string;
  /** The file's bytes; the runtime copies what it wants of them. */
  readonly bytes: Uint8Array;
}

export interface GraphOptions {
  readonly threads: number;
  readonly reorder: boolean;
  /** Of onnxruntime. Default `cpu`. */
  readonly provider?: string;
}

/**
 * Opens the session of a graph.
 * @param weights the folder of its weights' files, or their bytes. @param reorder whether weights are kept in the order that kernels want: several times
 * faster, for blocks forty times; without it floats stay in their file and take no memory of the process's own.
 * @throws CutpointError CUT_PROVIDER, CUT_EXTERNAL_DATA or CUT_LOAD.
 */
export async function openGraph(
  graph: Model,
  weights: string | WeightsInMemory,
  { threads, reorder, provider = 'cpu' }: GraphOptions,
): Promise<ort.InferenceSession> {
  const inFiles = typeof weights === 'string';
  return await create(serialiseModel(graph), threads, {
    executionProviders: [provider],
    session: {
      ...(inFiles ? inFolder(weights) : {}),
      disable_prepacking: reorder ? '0' : '1',
    },
    ...(inFiles ? {} : { externalData: [{ path: weights.location, data: weights.bytes }] }),
  });
}

/** What `saveReordered` writes into a folder: a graph, and its weights, those of matrices also in the order that kernels want. */
export const reorderedFiles = { graph: 'reordered.onnx', weights: 'reordered.bin' } as const;

/** Smaller ones are sizes and shapes, which the runtime wants in the graph. */
const leastSavedBytes = 64;

/**
 * Has the runtime write a graph as it keeps it in memory.
 * @param folder of its weights' files. @param into an empty folder. @throws CutpointError CUT_EXTERNAL_DATA or CUT_LOAD.
 */
export async function saveReordered(graph: Model, folder: string, into: string, threads: number): Promise<void> {
  const session = {
    ...inFolder(folder),
    save_external_prepacked_constant_initializers: '1',
    optimized_model_external_initializers_file_name: reorderedFiles.weights,
    optimized_model_external_initializers_min_size_in_bytes: String(leastSavedBytes),
  };
  const optimizedModelFilePath = join(into, reorderedFiles.graph);
  const saved = await create(serialiseModel(graph), threads, { session, optimizedModelFilePath });
  await saved.release();
}

/** Opens the session of what `saveReordered` wrote: its weights stay in their file, which it maps. @throws CutpointError CUT_LOAD */
export async function openReordered(from: string, threads: number): Promise<ort.InferenceSession> {
  return await create(join(from, reorderedFiles.graph), threads, { session: inFolder(from) });
}

function inFolder(folder: string) {
  return { model_external_initializers_file_folder_path: folder };
}

interface OwnOptions
  extends Pick<ort.InferenceSession.SessionOptions, 'executionProviders' | 'externalData' | 'optimizedModelFilePath'> {
  readonly session: Readonly<Record<string, string>>;
}

async function create(
  model: Uint8Array | string,
  threads: number,
  { session, ...options }: OwnOptions,
): Promise<ort.InferenceSession> {
  const all: ort.InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // The runtime's own pool grows by doubling and gives nothing back: with prompts it held 200 MB more, and was no faster.
    enableCpuMemArena: false,
    // One block for all values of a pass, anew for each length of text: up to 190 MB more, and never twice the same.
    enableMemPattern: false,
    logSeverityLevel: 4,
    ...options,
    // Probabilities of attention underflow: with denormal numbers a prompt takes one and a half times as long.
    extra: { session: { ...session, set_denormal_as_zero: '1' } },
  };
  try {
    return await (typeof model === 'string'
      ? ort.InferenceSession.create(model, all)
      : ort.InferenceSession.create(model, all));
  } catch (thrown) {
    throw loadError(thrown, String(options.executionProviders?.[0] ?? 'cpu'));
  }
}
