import type { Gpu } from '../device/gpu.js';
import type { Dispatch } from '../device/kernel.js';
import type { GpuDecoderConfig } from './decoder-config.js';
import type { MatrixBytes } from './decoder-weights.js';
import { normStep } from './gpu-layer.js';
import { rowProduct, uploadMatrix } from './gpu-matrix.js';
import { largestKernel, pickRowsKernel } from './kernels/choose.js';
import { elementThreads } from './kernels/elementwise.js';

/** The end of a decoder: rows are picked, and become logits and the likeliest token. */
export interface GpuHead {
  /** How many rows are picked, and which. */
  readonly step: GPUBuffer;
  readonly which: GPUBuffer;
  readonly logits: GPUBuffer;
  readonly tokens: GPUBuffer;
  dispatches(rows: number): readonly Dispatch[];
}

/**
 * @param rows at most that are picked in a step.
 * @throws CutpointError CUT_PACKAGE, CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_INTERNAL.
 */
export async function openHead(
  gpu: Gpu,
  { hiddenSize, vocabularySize, normEpsilon }: GpuDecoderConfig,
  weights: { readonly norm: Float32Array; readonly matrix: MatrixBytes },
  hidden: GPUBuffer,
  rows: number,
): Promise<GpuHead> {
  const floats = (label: string, size: number) => gpu.buffer(label, { bytes: 4 * rows * size });
  const step = await gpu.buffer('step of the head', { bytes: 16 });
  const which = await floats('which rows', 1);
  const picked = await floats('picked rows', hiddenSize);
  const normed = await floats('normalised', hiddenSize);
  const logits = await floats('logits', vocabularySize);
  const tokens = await floats('chosen tokens', 1);
  const pick = gpu.bind(await gpu.kernel(pickRowsKernel(hiddenSize)), [step, hidden, picked, which]);
  const norm = await normStep(gpu, { step, input: picked, result: normed }, weights.norm, normEpsilon);
  const matrix = await uploadMatrix(gpu, 'head', weights.matrix);
  const product = await rowProduct(gpu, matrix, { step, input: normed, result: logits });
  const largest = gpu.bind(await gpu.kernel(largestKernel(vocabularySize)), [step, logits, tokens]);
  const dispatches = (count: number): readonly Dispatch[] => [
    { bound: pick, groups: [Math.ceil(hiddenSize / elementThreads), count, 1] },
    norm(count),
    ...product(count),
    { bound: largest, groups: [1, count, 1] },
  ];
  return { step, which, logits, tokens, dispatches };
}
