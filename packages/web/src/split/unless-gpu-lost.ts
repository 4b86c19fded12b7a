import type { Gpu } from '@cutpoint/gpu';

/** A device says that it is lost a moment after what it computed has failed. */
const graceMs = 1_000;

/**
 * What a runtime computes on a GPU that it shares with us: of a lost one it says so in words of its own, waits for ever, or gives
 * numbers that mean nothing. @throws CutpointError CUT_GPU_LOST, and what the work throws
 */
export async function unlessGpuLost<T>(gpu: Gpu, work: Promise<T>): Promise<T> {
  const lost = gpu.lost.then((error) => {
    throw error;
  });
  // Mostly nobody waits for it any more.
  lost.catch(() => undefined);
  try {
    return await Promise.race([lost, work]);
  } catch (thrown) {
    await Promise.race([lost, new Promise((resolve) => setTimeout(resolve, graceMs))]);
    throw thrown;
  }
}
