import { CutpointError, messageOf } from '@cutpoint/core';
import type { WasmRuntime } from '@cutpoint/llm/browser';

interface LoadedRuntime extends WasmRuntime {
  readonly env: { readonly wasm: { wasmPaths: string; numThreads: number }; logLevel: string };
}

/** More threads than this do not make the layers of a front segment faster. */
const mostThreads = 4;

/**
 * Loads onnxruntime-web from the server. Threads need a page that is isolated from other origins, and a secure one.
 * @param folder its address; null where the server does not have it. @throws CutpointError CUT_PROVIDER, CUT_LOAD.
 */
export async function loadRuntime(
  folder: string | null,
): Promise<{ readonly runtime: WasmRuntime; readonly threads: number }> {
  if (folder === null) {
    const message =
      'The server has no onnxruntime-web: install it there with `npm install onnxruntime-web@1.30.0`, or use a browser with WebGPU.';
    throw new CutpointError('CUT_PROVIDER', message);
  }
  try {
    const runtime = (await import(`${folder}ort.wasm.min.mjs`)) as LoadedRuntime;
    const threads = threadsOfPage();
    Object.assign(runtime.env.wasm, { wasmPaths: folder, numThreads: threads });
    runtime.env.logLevel = 'fatal';
    return { runtime, threads };
  } catch (cause) {
    throw new CutpointError('CUT_LOAD', `onnxruntime-web cannot be loaded: ${messageOf(cause)}.`, { cause });
  }
}

/** Threads that segments run with in this page. */
export function threadsOfPage(): number {
  return globalThis.crossOriginIsolated ? Math.min(mostThreads, navigator.hardwareConcurrency) : 1;
}
