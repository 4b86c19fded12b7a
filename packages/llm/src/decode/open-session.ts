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
  readonly cache: CacheKind;
}

/**
 * Opens the session of a range of layers. The runtime reads the weights of the package's files, and keeps them in the
 * order that its kernels want.
 * @throws CutpointError CUT_PACKAGE, CUT_ILLEGAL_CUT, CUT_EXTERNAL_DATA or CUT_LOAD.
 */
export async function openSession(request: SessionRequest): Promise<ort.InferenceSession> {
  const { folder, manifest, range, threads, cache } = request;
  return await openGraph(decoderGraph(manifest, range, { cache }), folder, { threads, reorder: true });
}

/** Weights of a graph that are in memory, by the name that it has for their file. */
export interface WeightsInMemory {
  readonly location: string;
  /** The file's bytes; the runtime copies what it wants of them. */
  readonly bytes: Uint8Array;
}

/**
 * Opens the session of a graph.
 * @param weights the folder of its weights' files, or their bytes. @param reorder whether weights are kept in the order that kernels want: several times
 * faster, for blocks forty times; without it floats stay in their file and take no memory of the process's own.
 * @throws CutpointError CUT_EXTERNAL_DATA or CUT_LOAD.
 */
export async function openGraph(
  graph: Model,
  weights: string | WeightsInMemory,
  { threads, reorder }: { readonly threads: number; readonly reorder: boolean },
): Promise<ort.InferenceSession> {
  const inFiles = typeof weights === 'string';
  const session = {
    ...(inFiles ? { model_external_initializers_file_folder_path: weights } : {}),
    // Probabilities of attention underflow: with denormal numbers a prompt takes one and a half times as long.
    set_denormal_as_zero: '1',
    disable_prepacking: reorder ? '0' : '1',
  };
  try {
    return await ort.InferenceSession.create(serialiseModel(graph), {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // The runtime's own pool grows by doubling and gives nothing back: with prompts it held 200 MB more, and was no faster.
      enableCpuMemArena: false,
      // One block for all values of a pass, anew for each length of text: up to 190 MB more, and never twice the same.
      enableMemPattern: false,
      logSeverityLevel: 4,
      ...(inFiles ? {} : { externalData: [{ path: weights.location, data: weights.bytes }] }),
      extra: { session },
    });
  } catch (thrown) {
    throw loadError(thrown, 'cpu');
  }
}
