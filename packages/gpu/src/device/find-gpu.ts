import { CutpointError } from '@cutpoint/core';

/** The WebGPU of a browser that has one. */
export function browserGpu(): GPU | undefined {
  return (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
}

/**
 * The WebGPU of this place: the browser's own, or in Node that of the optional package `webgpu` (Dawn).
 * @throws CutpointError CUT_GPU_MISSING where there is none.
 */
export async function findGpu(): Promise<GPU> {
  const own = browserGpu();
  if (own !== undefined) return own;
  try {
    const { create, globals } = await import('webgpu');
    // The names of its flags (GPUBufferUsage) are expected to be global, as in a browser.
    Object.assign(globalThis, globals);
    return create([]);
  } catch (cause) {
    const hint = 'In Node, install the package webgpu beside Cutpoint; a browser needs WebGPU and a secure page';
    throw new CutpointError('CUT_GPU_MISSING', `There is no WebGPU here. ${hint}.`, { cause });
  }
}
