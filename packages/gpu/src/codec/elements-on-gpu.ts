import { CutpointError } from '@cutpoint/core';

/** f32 elements on a GPU, one behind the other in the order of a tensor. */
export interface ElementsOnGpu {
  readonly buffer: GPUBuffer;
  /** Which element of the buffer is the first; default 0. */
  readonly from?: number;
}

/** @throws CutpointError CUT_INPUT where the buffer does not hold so many elements from its first on. */
export function requireRoom({ buffer, from = 0 }: ElementsOnGpu, elements: number): void {
  if (!Number.isSafeInteger(from) || from < 0) {
    throw new CutpointError('CUT_INPUT', `The first element of a buffer is a whole number from 0 on, not ${from}.`);
  }
  if (4 * (from + elements) <= buffer.size) return;
  const room = Math.max(0, Math.floor(buffer.size / 4) - from);
  const what = `From its element ${from} on, a buffer has room for ${room} elements where the tensor has ${elements}`;
  throw new CutpointError('CUT_INPUT', `${what}: give its shape, and a buffer that holds it.`);
}
