import type { Gpu } from '../device/gpu.js';
import type { GpuDecoderConfig } from './decoder-config.js';

/** What all layers of a decoder work on, one after another. */
export interface DecoderBuffers {
  /** How many rows a step has. */
  readonly step: GPUBuffer;
  readonly tokens: GPUBuffer;
  /** Of each row: its position, and where the pages of its sequence begin in `pages`. */
  readonly places: GPUBuffer;
  readonly pages: GPUBuffer;
  /** Cosine and sine, [ropes, rows, headSize / 2]. */
  readonly turns: GPUBuffer;
  /** The residual stream. */
  readonly hidden: GPUBuffer;
  readonly normed: GPUBuffer;
  readonly qkv: GPUBuffer;
  readonly attended: GPUBuffer;
  /** What a half layer adds to the residual stream. */
  readonly delta: GPUBuffer;
  readonly gateUp: GPUBuffer;
  readonly gated: GPUBuffer;
}

/** @throws CutpointError CUT_GPU_LIMIT, CUT_GPU_MEMORY. */
export async function decoderBuffers(
  gpu: Gpu,
  config: GpuDecoderConfig,
  { rows, ropes, pagesPerRow }: { readonly rows: number; readonly ropes: number; readonly pagesPerRow: number },
): Promise<DecoderBuffers> {
  const { hiddenSize, heads, kvHeads, headSize, ffnSize } = config;
  const floats = (label: string, size: number) => gpu.buffer(label, { bytes: 4 * rows * size });
  return {
    step: await gpu.buffer('step', { bytes: 16 }),
    tokens: await floats('tokens', 1),
    places: await floats('places', 2),
    pages: await floats('pages', pagesPerRow),
    turns: await floats('turns', ropes * headSize),
    hidden: await floats('hidden states', hiddenSize),
    normed: await floats('normalised', hiddenSize),
    qkv: await floats('queries, keys, values', (heads + 2 * kvHeads) * headSize),
    attended: await floats('attention', heads * headSize),
    delta: await floats('delta', hiddenSize),
    gateUp: await floats('gate and up', 2 * ffnSize),
    gated: await floats('gated', ffnSize),
  };
}
