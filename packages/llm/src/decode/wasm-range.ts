import { type CancelSignal, throwIfCancelled } from '@cutpoint/core';
import { serialiseModel } from '@cutpoint/graph';
import { loadError } from '@cutpoint/runtime/browser';
import type { InferenceSession } from 'onnxruntime-common';
import { decoderGraph } from '../graph/decoder-graph.js';
import type { LayerRange } from '../graph/range.js';
import type { PackageManifest, PackagePart } from '../package/package-manifest.js';
import type { OpenPart } from '../package/part-source.js';
import { LocalRange } from './local-range.js';
import { RangeSession } from './range-session.js';

/** Of onnxruntime-web, which whoever opens a range has loaded. */
export interface WasmRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
}

export interface WasmRangeOptions {
  readonly runtime: WasmRuntime;
  /** Of the package's files. */
  readonly open: OpenPart;
  /** Tokens of a prompt that run at once. */
  readonly chunkTokens: number;
  /** Lets others have their turn, before each chunk. */
  readonly pause: () => Promise<void>;
  /** Cancels the opening. */
  readonly signal?: CancelSignal | undefined;
}

/**
 * Layers of a package on onnxruntime-web's WebAssembly, in this thread.
 * @throws CutpointError CUT_PACKAGE, CUT_ILLEGAL_CUT, CUT_LOAD, CUT_CANCELLED, and what `open` does.
 */
export async function openWasmRange(
  manifest: PackageManifest,
  range: LayerRange,
  { runtime, open, chunkTokens, pause, signal }: WasmRangeOptions,
): Promise<LocalRange> {
  const graph = serialiseModel(decoderGraph(manifest, range));
  const parts: PackagePart<string>[] = [...manifest.layers.slice(range.from, range.to)];
  if (range.head) parts.push(manifest.head);
  const externalData: { path: string; data: Uint8Array }[] = [];
  for (const part of parts) {
    throwIfCancelled(signal);
    await using file = await open(part);
    externalData.push({ path: part.path, data: await file.read(0, part.bytes) });
  }
  const session = await runtime.InferenceSession.create(graph, {
    executionProviders: ['wasm'],
    externalData,
    enableCpuMemArena: false,
    enableMemPattern: false,
    logSeverityLevel: 4,
    extra: { session: { set_denormal_as_zero: '1' } },
  }).catch((thrown: unknown) => {
    throw loadError(thrown, 'wasm');
  });
  return new LocalRange(new RangeSession(session, manifest.config, range, 'f32'), chunkTokens, pause);
}
