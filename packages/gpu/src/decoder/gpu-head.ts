import type { Gpu } from '../device/gpu.js';
import type { Dispatch } from '../device/kernel.js';
import type { GpuDecoderConfig } from './decoder-config.js';
import type { MatrixBytes } from './decoder-weights.js';
import { drawWords } from './draw.js';
import { normStep } from './gpu-layer.js';
import { rowProduct, uploadMatrix } from './gpu-matrix.js';
import { largestKernel, pickRowsKernel } from './kernels/choose.js';
import { elementThreads } from './kernels/elementwise.js';
import { sampleKernel } from './kernels/sample.js';

/** The end of a decoder: rows are picked, and become logits and the likeliest token, or one that is drawn. */
export interface GpuHead {
  /** How many rows are picked, and which. */
  readonly step: GPUBuffer;
  readonly which: GPUBuffer;
  readonly logits: GPUBuffer;
  readonly tokens: GPUBuffer;
  /** See `packDraws`. */
  readonly draws: GPUBuffer;
  readonly histories: GPUBuffer;
  /** @param drawn whether tokens are drawn as `draws` says. */
  dispatches(rows: number, drawn: boolean): readonly Dispatch[];
}

/**
 * @param rows at most that are picked in a step.
 * @throws CutpointError CUT_PACKAGE, CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_INTERNAL.
 */
export async function openHead(
  gpu: Gpu,
  { hiddenSize, vocabularySize, normEpsilon, contextTokens }: GpuDecoderConfig,
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
  const draws = await floats('draws', drawWords);
  const histories = await floats('histories', mostHistory({ vocabularySize, contextTokens }));
  const sample = gpu.bind(await gpu.kernel(sampleKernel(vocabularySize)), [step, logits, tokens, draws, histories]);
  const dispatches = (count: number, drawn: boolean): readonly Dispatch[] => [
    { bound: pick, groups: [Math.ceil(hiddenSize / elementThreads), count, 1] },
    norm(count),
    ...product(count),
    { bound: largest, groups: [1, count, 1] },
    ...(drawn ? [{ bound: sample, groups: [1, count, 1] } as const] : []),
  ];
  return { step, which, logits, tokens, draws, histories, dispatches };
}

/** Different tokens that a penalty can be about, of each row: with 64 rows 4 MB. */
export function mostHistory(config: Pick<GpuDecoderConfig, 'vocabularySize' | 'contextTokens'>): number {
  return Math.min(config.vocabularySize, config.contextTokens, 16_384);
}
