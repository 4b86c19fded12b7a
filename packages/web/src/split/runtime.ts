import { CutpointError, messageOf } from '@cutpoint/core';
import type * as Ort from 'onnxruntime-web';
import type { Provider } from './provider.js';

/** The version of onnxruntime-web that this page was made for: that of onnxruntime-node at the server. */
export const runtimeVersion = '1.30.0';

/** Where the server has it, seen from the page's scripts. */
const folder = new URL(`runtime/${runtimeVersion}/`, import.meta.url).href;

/** Loads onnxruntime-web from the server. @throws CutpointError CUT_PROVIDER if the server has none */
export async function loadRuntime(provider: Provider, threads: number): Promise<typeof Ort> {
  let ort: typeof Ort;
  try {
    ort = await import(`${folder}ort.${provider}.min.mjs`);
  } catch (cause) {
    const message = `The server has no onnxruntime-web, which runs models in pages: npm install onnxruntime-web@${runtimeVersion} there. (${messageOf(cause)})`;
    throw new CutpointError('CUT_PROVIDER', message, { cause });
  }
  ort.env.wasm.wasmPaths = folder;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  return ort;
}
