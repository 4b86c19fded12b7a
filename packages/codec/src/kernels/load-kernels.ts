import type { Kernels } from './kernels.js';
import { typescriptKernels } from './typescript.js';
import { thisHost, type WasmHost } from './wasm-host.js';
import { compileKernels, compileKernelsAsync, instantiate } from './wasm-instance.js';
import { wasmKernels } from './wasm-kernels.js';

/**
 * The fastest kernels that the host can run, made here and now: those in WebAssembly, or where it has no WebAssembly
 * with SIMD those in plain TypeScript. `name` tells which. Each call gives kernels with a memory of their own, which
 * grows to what the largest tensor needs, and to 256 MiB at most.
 * @throws Error of the host where it must not compile, such as under a content security policy without
 *   `wasm-unsafe-eval`: take `typescriptKernels` there.
 */
export function openKernels(host: WasmHost = thisHost): Kernels {
  const module = compileKernels(host);
  return module === undefined ? typescriptKernels : wasmKernels(instantiate(module, host));
}

/** As `openKernels`, for a page's main thread, which may not wait for a compiler. */
export async function loadKernels(host: WasmHost = thisHost): Promise<Kernels> {
  const module = await compileKernelsAsync(host);
  return module === undefined ? typescriptKernels : wasmKernels(instantiate(module, host));
}
