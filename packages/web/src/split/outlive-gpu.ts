import { asCutpointError } from '@cutpoint/core';
import type { Provider } from './provider.js';

/**
 * Runs on a provider; where the GPU is lost on the way, once more on a new one, and then on WebAssembly.
 * @param onLost hears on what it is run next. @throws what the run throws
 */
export async function outliveGpu<T>(
  provider: Provider,
  run: (on: Provider) => Promise<T>,
  onLost: (next: Provider) => void,
): Promise<T> {
  const others: readonly Provider[] = provider === 'webgpu' ? ['webgpu', 'wasm'] : [];
  let on = provider;
  for (const next of others) {
    try {
      return await run(on);
    } catch (thrown) {
      if (asCutpointError(thrown, 'CUT_INTERNAL').code !== 'CUT_GPU_LOST') throw thrown;
      onLost(next);
      on = next;
    }
  }
  return await run(on);
}
