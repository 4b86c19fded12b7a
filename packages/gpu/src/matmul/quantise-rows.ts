import { CutpointError } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';
import type { Dispatch } from '../device/kernel.js';
import type { BitWidth } from '../matrix/code-matrix.js';
import { termBytes } from '../matrix/pack-operand.js';
import type { ProductScheme } from '../matrix/product-scheme.js';
import type { GpuOperand } from './integer-product.js';
import { quantiseKernel } from './quantise-kernel.js';

/** Activations on the GPU, in f32, row by row. */
export interface Activations {
  readonly values: GPUBuffer;
  readonly rows: number;
  readonly columns: number;
}

export interface Quantisation extends Disposable {
  /** Of the first rows. */
  dispatch(rows: number): Dispatch;
  /** What the dispatch writes: the left operand of a product. */
  readonly operand: GpuOperand;
}

/**
 * Prepares quantising activations to codes, group by group of a row, without leaving the GPU. The error of a value is at
 * most half a scale, and a rounding error of f32.
 * @throws CutpointError CUT_INPUT if groups are not of a multiple of 32; CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_INTERNAL.
 */
export async function quantiseRows(
  gpu: Gpu,
  { values, rows, columns }: Activations,
  { scheme, bits, groupSize }: { readonly scheme: ProductScheme; readonly bits: BitWidth; readonly groupSize: number },
): Promise<Quantisation> {
  if (groupSize < columns && groupSize % 32 !== 0) {
    throw new CutpointError('CUT_INPUT', `A group has a multiple of 32 columns, not ${groupSize}.`);
  }
  const steps = Math.ceil(columns / scheme.columnsPerStep);
  const groups = Math.ceil(columns / groupSize);
  const kernel = await gpu.kernel(quantiseKernel(scheme, bits));
  const sizes = new Uint32Array([rows, columns, steps, groups, Math.min(groupSize, columns)]);
  const buffers = await gpu.buffers({
    shape: sizes,
    words: { bytes: 4 * rows * steps * scheme.leftWords },
    terms: { bytes: termBytes * rows * groups },
  });
  const { shape, words, terms } = buffers;
  const free = () => {
    words.destroy();
    terms.destroy();
  };
  const operand = { rows, columns, groupSize, words, terms, [Symbol.dispose]: free };
  const bound = gpu.bind(kernel, [shape, values, words, terms]);
  const dispatch = (first: number): Dispatch => ({ bound, groups: [groups, first, 1] });
  return { dispatch, operand, [Symbol.dispose]: () => buffers[Symbol.dispose]() };
}
