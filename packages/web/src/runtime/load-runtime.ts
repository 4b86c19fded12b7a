import { CutpointError, messageOf } from '@cutpoint/core';
import type * as Ort from 'onnxruntime-web';
import { wasmThreads } from './wasm-threads.js';

/** The version of onnxruntime-web that this page was made for: that of onnxruntime-node at the server. */
export const runtimeVersion = '1.30.0';

/** Where the server has it, seen from the page's scripts. */
const folder = new URL(`runtime/${runtimeVersion}/`, import.meta.url).href;

/**
 * Loads onnxruntime-web from the server, with as many threads as this page may have.
 * @param build which of its builds: that with WebGPU is larger. @throws CutpointError CUT_PROVIDER if the server has none
 */
export async function loadRuntime(build: 'wasm' | 'webgpu'): Promise<typeof Ort> {
  let ort: typeof Ort;
  try {
    ort = await import(`${folder}ort.${build}.min.mjs`);
  } catch (cause) {
    const message = `The server has no onnxruntime-web, which runs models in pages: npm install onnxruntime-web@${runtimeVersion} there. (${messageOf(cause)})`;
    throw new CutpointError('CUT_PROVIDER', message, { cause });
  }
  ort.env.wasm.wasmPaths = folder;
  ort.env.wasm.numThreads = wasmThreads();
  // What goes wrong is thrown as well.
  ort.env.logLevel = 'fatal';
  return ort;
}
