import { CutpointError } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';
import type { Dispatch, KernelSource } from '../device/kernel.js';
import { workgroupsFor } from '../device/workgroups.js';
import { type CodeMatrix, groupsOf } from '../matrix/code-matrix.js';
import { packOperand, type Side } from '../matrix/pack-operand.js';
import type { ProductScheme } from '../matrix/product-scheme.js';
import type { OutputKind } from './integer-parts.js';
import type { ProductCost, ProductSize } from './product-cost.js';
import { type RowShape, rowKernel, rowKernelCost } from './row-kernel.js';
import { type TileShape, tileKernel, tileKernelCost } from './tile-kernel.js';

/** How one product is computed: the scheme of its words, and how its work is divided. */
export interface KernelChoice {
  readonly scheme: ProductScheme;
  readonly shape: TileShape | RowShape;
}

/** A matrix on the GPU, packed for one scheme and side. Dispose of it to free it. */
export interface GpuOperand extends Disposable {
  readonly rows: number;
  readonly columns: number;
  readonly groupSize: number;
  readonly words: GPUBuffer;
  readonly terms: GPUBuffer;
}

/** @throws CutpointError CUT_INPUT, CUT_GPU_LIMIT, CUT_GPU_MEMORY. */
export async function uploadOperand(
  gpu: Gpu,
  matrix: CodeMatrix,
  scheme: ProductScheme,
  side: Side,
): Promise<GpuOperand> {
  const packed = packOperand(matrix, scheme, side);
  const { rows, columns, groupSize } = matrix;
  return { rows, columns, groupSize, ...(await gpu.buffers({ words: packed.words, terms: packed.terms })) };
}

/** A product that can be run again and again: activations [m, k] times weights [n, k], as [m, n] in `product`. */
export interface IntegerProduct extends Disposable {
  readonly dispatch: Dispatch;
  readonly product: GPUBuffer;
}

/** Both sides of a product, and where it is written. */
export interface ProductBuffers {
  readonly left: GpuOperand;
  readonly right: GpuOperand;
  /** How many rows of the left side count; it may change from run to run. */
  readonly batch: GPUBuffer;
  readonly product: GPUBuffer;
}

/** Prepares left x right^T with as many rows of the left side as it has. @throws CutpointError as `bindIntegerProduct`. */
export async function integerProduct(
  gpu: Gpu,
  { left, right }: { readonly left: GpuOperand; readonly right: GpuOperand },
  choice: KernelChoice,
  output: OutputKind,
): Promise<IntegerProduct> {
  const buffers = await gpu.buffers({
    batch: Uint32Array.of(left.rows, 0, 0, 0),
    product: { bytes: 4 * left.rows * right.rows },
  });
  try {
    const { dispatch, free } = await bindIntegerProduct(gpu, { left, right, ...buffers }, choice, output);
    const freeAll = () => {
      free();
      buffers[Symbol.dispose]();
    };
    return { dispatch: dispatch(left.rows), product: buffers.product, [Symbol.dispose]: freeAll };
  } catch (thrown) {
    buffers[Symbol.dispose]();
    throw thrown;
  }
}

/**
 * Prepares left x right^T.
 * @throws CutpointError CUT_INPUT if the operands do not fit each other; CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_INTERNAL.
 */
export async function bindIntegerProduct(
  gpu: Gpu,
  { left, right, batch, product }: ProductBuffers,
  { scheme, shape }: KernelChoice,
  output: OutputKind,
): Promise<{ readonly dispatch: (rows: number) => Dispatch; readonly free: () => void }> {
  const groups = groupsOf(left);
  if (left.columns !== right.columns || groups !== groupsOf(right)) {
    const sides = `${left.columns} columns in ${groups} groups and ${right.columns} in ${groupsOf(right)}`;
    throw new CutpointError('CUT_INPUT', `Both sides of a product need the same columns and groups, not ${sides}.`);
  }
  if (output === 'integers' && groups > 1) {
    throw new CutpointError('CUT_INPUT', `Integers have no scales to add ${groups} groups up with; ask for floats.`);
  }
  const kernel = await gpu.kernel(kernelOf({ scheme, shape }, output, groups === 1));
  const [n, k] = [right.rows, left.columns];
  const steps = Math.ceil(k / scheme.columnsPerStep);
  const sizes = await gpu.buffer('shape', Uint32Array.of(n, k, steps, groups, Math.min(left.groupSize, k), 0));
  const buffers = [sizes, left.words, left.terms, right.words, right.terms, product, batch];
  const bound = gpu.bind(kernel, buffers);
  const dispatch = (rows: number): Dispatch => ({ bound, groups: workgroups(shape, rows, n) });
  return { dispatch, free: () => sizes.destroy() };
}

/** The kernel of a choice. */
export function kernelOf({ scheme, shape }: KernelChoice, output: OutputKind, oneGroup: boolean): KernelSource {
  const problem = { scheme, output };
  return shape.kind === 'tile' ? tileKernel(problem, shape) : rowKernel(problem, shape, oneGroup);
}

/** What the kernel of a choice does for a product whose result is floats. */
export function costOf({ scheme, shape }: KernelChoice, size: ProductSize): ProductCost {
  return shape.kind === 'tile' ? tileKernelCost(scheme, shape, size) : rowKernelCost(scheme, shape, size);
}

/** Numbered along n first, as the kernels take them (`blockText`). */
function workgroups(shape: TileShape | RowShape, m: number, n: number): readonly [number, number, number] {
  const [blockM, blockN] =
    shape.kind === 'rows'
      ? [shape.eachM, shape.threads / shape.lanes]
      : [shape.threadsM * shape.eachM, shape.threadsN * shape.eachN];
  return workgroupsFor(Math.ceil(n / blockN) * Math.ceil(m / blockM), 1);
}
