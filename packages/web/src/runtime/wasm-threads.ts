/** Threads for WebAssembly: more than four bring little, and pages that are not isolated from others get one. */
export function wasmThreads(): number {
  return crossOriginIsolated ? Math.max(1, Math.min(4, navigator.hardwareConcurrency)) : 1;
}
