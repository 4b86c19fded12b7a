import { median } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';
import type { Dispatch } from '../device/kernel.js';

/** Repetitions of a round, which are sent to the GPU at once, so that sending hardly counts. */
const perRound = 8;
const rounds = 3;

/**
 * How long a GPU takes for some kernels in a row, in microseconds: the median of a few rounds, behind one to warm up.
 * @param now a clock in ms.
 */
export async function timeOfDispatches(gpu: Gpu, dispatches: readonly Dispatch[], now: () => number): Promise<number> {
  await gpu.run(dispatches);
  const round = Array.from({ length: perRound }, () => dispatches).flat();
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const startMs = now();
    await gpu.run(round);
    times.push(((now() - startMs) * 1000) / perRound);
  }
  return median(times);
}
