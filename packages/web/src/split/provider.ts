/** What runs a front segment in the page. */
export type Provider = 'wasm' | 'webgpu';

/** Whether this browser has a GPU for pages. */
export async function hasWebGpu(): Promise<boolean> {
  const adapter = await navigator.gpu?.requestAdapter();
  return adapter !== null && adapter !== undefined;
}

/** What is said where it has none. */
export const noWebGpu = 'This browser has no WebGPU for this page: WebAssembly is used.';
