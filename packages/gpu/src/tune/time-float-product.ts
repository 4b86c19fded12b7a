import { rowProduct, uploadMatrix } from '../decoder/gpu-matrix.js';
import type { Gpu } from '../device/gpu.js';
import type { ProductShape } from './product-shape.js';
import { timeOfDispatches } from './time-of-dispatches.js';

/**
 * How long the same product takes in f32, in microseconds: what products of codes are compared with.
 * @param now a clock in ms. @throws CutpointError CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST.
 */
export async function timeFloatProduct(
  gpu: Gpu,
  { rows, outputs, columns }: Pick<ProductShape, 'rows' | 'outputs' | 'columns'>,
  now: () => number,
): Promise<number> {
  const none = new Uint8Array(0);
  const form = { kind: 'float', dtype: 'f32', rows: outputs, columns } as const;
  const values = new Uint8Array(4 * outputs * columns);
  const matrix = await uploadMatrix(gpu, 'weights', { form, values, scales: none, zeroPoints: none });
  try {
    using buffers = await gpu.buffers({
      step: Uint32Array.of(rows, 0, 0, 0),
      input: { bytes: 4 * rows * columns },
      result: { bytes: 4 * rows * outputs },
    });
    const product = await rowProduct(gpu, matrix, buffers);
    return await timeOfDispatches(gpu, product(rows), now);
  } finally {
    for (const buffer of matrix.buffers) buffer.destroy();
  }
}
