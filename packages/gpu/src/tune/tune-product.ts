import { type CancelSignal, throwIfCancelled } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';
import { bindIntegerProduct, type GpuOperand, type KernelChoice } from '../matmul/integer-product.js';
import { groupsOf } from '../matrix/code-matrix.js';
import { termBytes } from '../matrix/pack-operand.js';
import { candidatesFor } from './candidates.js';
import type { ProductShape } from './product-shape.js';
import { timeOfDispatches } from './time-of-dispatches.js';

export interface TimedChoice {
  readonly choice: KernelChoice;
  /** Of one product, in microseconds; the median of some rounds. */
  readonly us: number;
}

export interface TuneOptions {
  /** A clock in ms, such as `performance.now`. */
  readonly now: () => number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: CancelSignal;
}

/**
 * Times every way of computing a product.
 * @returns the fastest first. @throws CutpointError CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_CANCELLED.
 */
export async function tuneProduct(
  gpu: Gpu,
  shape: ProductShape,
  { now, onProgress, signal }: TuneOptions,
): Promise<readonly TimedChoice[]> {
  const candidates = candidatesFor(shape, gpu.info);
  const timed: TimedChoice[] = [];
  for (const [i, choice] of candidates.entries()) {
    throwIfCancelled(signal);
    onProgress?.(i, candidates.length);
    timed.push({ choice, us: await timeOf(gpu, shape, choice, now) });
  }
  return timed.sort((a, b) => a.us - b.us);
}

/** Kernels take as long with zeros as with any codes. */
async function timeOf(gpu: Gpu, shape: ProductShape, choice: KernelChoice, now: () => number): Promise<number> {
  const { rows, outputs } = shape;
  using left = await emptyOperand(gpu, shape, rows, choice.scheme.columnsPerStep, choice.scheme.leftWords);
  using right = await emptyOperand(gpu, shape, outputs, choice.scheme.columnsPerStep, choice.scheme.rightWords);
  using buffers = await gpu.buffers({
    batch: Uint32Array.of(rows, 0, 0, 0),
    product: { bytes: 4 * rows * outputs },
  });
  const { dispatch, free } = await bindIntegerProduct(gpu, { left, right, ...buffers }, choice, 'floats');
  try {
    return await timeOfDispatches(gpu, [dispatch(rows)], now);
  } finally {
    free();
  }
}

async function emptyOperand(
  gpu: Gpu,
  { columns, groupSize }: ProductShape,
  rows: number,
  columnsPerStep: number,
  wordsPerStep: number,
): Promise<GpuOperand> {
  const words = { bytes: 4 * rows * Math.ceil(columns / columnsPerStep) * wordsPerStep };
  const terms = { bytes: termBytes * rows * groupsOf({ columns, groupSize }) };
  return { rows, columns, groupSize, ...(await gpu.buffers({ words, terms })) };
}
