/** What runs a front segment in the page. */
export type Provider = 'wasm' | 'webgpu';

/** Whether this browser has a GPU for pages. */
export async function hasWebGpu(): Promise<boolean> {
  const adapter = await navigator.gpu?.requestAdapter();
  return adapter !== null && adapter !== undefined;
}

/** Threads for WebAssembly: more than four bring little, and pages that are not isolated from others get one. */
export function wasmThreads(): number {
  return crossOriginIsolated ? Math.max(1, Math.min(4, navigator.hardwareConcurrency)) : 1;
}
