import { CutpointError } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';
import type { GpuInfo } from '../device/gpu-info.js';
import type { BoundKernel, Dispatch } from '../device/kernel.js';
import type { ProductCost } from '../matmul/product-cost.js';
import type { MatrixBytes, MatrixForm } from './decoder-weights.js';
import { type MatmulShape, matmulCost, matmulKernel } from './kernels/matmul.js';

/** A matrix on the GPU: its numbers, and where it has them scales and zero points, in the order of their bindings. */
export interface GpuMatrix {
  readonly form: MatrixForm;
  readonly buffers: readonly GPUBuffer[];
}

/** @throws CutpointError CUT_PACKAGE if bytes are missing; CUT_GPU_LIMIT, CUT_GPU_MEMORY. */
export async function uploadMatrix(gpu: Gpu, label: string, matrix: MatrixBytes): Promise<GpuMatrix> {
  const { form, values, scales, zeroPoints } = matrix;
  if (form.kind === 'float' && form.dtype === 'f16' && form.columns % 2 !== 0) {
    throw new CutpointError('CUT_PACKAGE', `${label} has rows of ${form.columns} halves, which do not begin at words.`);
  }
  const parts = form.kind === 'float' ? [values] : form.zeroPoints ? [values, scales, zeroPoints] : [values, scales];
  const buffers: GPUBuffer[] = [];
  for (const part of parts) buffers.push(await gpu.buffer(label, part));
  return { form, buffers };
}

/** A product of rows with a matrix, for one row and for many. */
export type RowProduct = (rows: number) => readonly Dispatch[];

/** Where a product finds its rows, and writes. */
export interface RowBuffers {
  /** How many rows there are. */
  readonly step: GPUBuffer;
  readonly input: GPUBuffer;
  readonly result: GPUBuffer;
}

const onGpu = { threads: 128, lanes: 16 };
/** A driver that computes on the CPU pays for each barrier. */
const inSoftware = { threads: 32, lanes: 1 };
const manyRows = 8;

function divisionFor({ software }: GpuInfo, rows: number): MatmulShape {
  return { ...(software ? inSoftware : onGpu), eachRow: rows === 1 ? 1 : manyRows };
}

/** What a product of so many rows does on this GPU. */
export function rowProductCost(info: GpuInfo, form: MatrixForm, rows: number): ProductCost {
  return matmulCost(form, divisionFor(info, rows), rows);
}

/** @throws CutpointError CUT_GPU_LIMIT, CUT_INTERNAL. */
export async function rowProduct(gpu: Gpu, { form, buffers }: GpuMatrix, io: RowBuffers): Promise<RowProduct> {
  const bound = async (shape: MatmulShape): Promise<BoundKernel> =>
    gpu.bind(await gpu.kernel(matmulKernel(form, shape)), [io.step, io.input, io.result, ...buffers]);
  const forMany = divisionFor(gpu.info, manyRows);
  const one = await bound(divisionFor(gpu.info, 1));
  const many = await bound(forMany);
  const across = Math.ceil((form.rows * forMany.lanes) / forMany.threads);
  return (rows) =>
    rows === 1
      ? [{ bound: one, groups: [across, 1, 1] }]
      : [{ bound: many, groups: [across, Math.ceil(rows / manyRows), 1] }];
}
