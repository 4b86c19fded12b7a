import { type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';
import type { BoundKernel } from '../device/kernel.js';
import { type DecoderBuffers, decoderBuffers } from './decoder-buffers.js';
import { codesOfLayer, type DecoderCodes } from './decoder-codes.js';
import type { GpuDecoderConfig } from './decoder-config.js';
import type { DecoderWeights } from './decoder-weights.js';
import { type GpuHead, openHead } from './gpu-head.js';
import { type GpuLayer, type LayerCache, openLayer } from './gpu-layer.js';
import { uploadMatrix } from './gpu-matrix.js';
import { embedKernel } from './kernels/embed.js';
import { Sequences } from './sequences.js';

export interface GpuDecoderOptions {
  /** Tokens that run at once, of all sequences. Default 64. */
  readonly rowsPerStep?: number;
  /** Tokens that all sequences together can hold. Default: one whole context. */
  readonly cacheTokens?: number;
  /** Default: weights as they are, times f32. Embedding and head always stay as they are. */
  readonly codes?: DecoderCodes | undefined;
  /** Default: all of the model, from tokens on. */
  readonly range?: GpuRange | undefined;
  /** Cancels the opening between two layers. */
  readonly signal?: CancelSignal | undefined;
}

/** Which part of a model is on the GPU. */
export interface GpuRange {
  /** Its first layer, and the one behind its last. */
  readonly from: number;
  readonly to: number;
  /** Whether norm and vocabulary matrix come behind them. */
  readonly head: boolean;
  /** What goes in: tokens, which are embedded on the GPU, or hidden states, which cross a cut. */
  readonly input: 'tokens' | 'states';
}

/** What a decoder has on a GPU, and what it knows of the texts there. */
export interface DecoderParts {
  readonly gpu: Gpu;
  readonly config: GpuDecoderConfig;
  /** Of each rope: radians per position of each pair of elements. */
  readonly frequencies: readonly Float64Array[];
  readonly buffers: DecoderBuffers;
  /** Of a range that takes tokens. */
  readonly embed: BoundKernel | undefined;
  readonly layers: readonly GpuLayer[];
  readonly caches: readonly LayerCache[];
  readonly head: GpuHead | undefined;
  readonly sequences: Sequences;
  readonly rowsPerStep: number;
}

/** Tokens of a page of the cache. */
export const pageTokens = 16;

/**
 * Puts a decoder on a GPU, part by part; its buffers are freed with the GPU.
 * @throws CutpointError CUT_PACKAGE, CUT_USAGE, CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL, CUT_CANCELLED.
 */
export async function openDecoderParts(
  gpu: Gpu,
  config: GpuDecoderConfig,
  weights: DecoderWeights,
  options: GpuDecoderOptions,
): Promise<DecoderParts> {
  const { rowsPerStep = 64, cacheTokens = config.contextTokens, range = wholeOf(config) } = options;
  if (!(rowsPerStep >= 1 && cacheTokens >= 1)) {
    const what = `A step of ${rowsPerStep} rows and a cache of ${cacheTokens} tokens hold nothing.`;
    throw new CutpointError('CUT_USAGE', what);
  }
  const pages = Math.ceil(cacheTokens / pageTokens);
  const frequencies = weights.ropeFrequencies;
  const sizes = { rows: rowsPerStep, ropes: frequencies.length, pagesPerRow: pagesPerRow(config) };
  const buffers = await decoderBuffers(gpu, config, sizes);
  const embed = range.input === 'tokens' ? await openEmbedding(gpu, config, weights, buffers) : undefined;
  const opened = await openLayers(gpu, config, weights, buffers, { ...options, range, rowsPerStep, pages });
  const head = range.head ? await openHead(gpu, config, await weights.head(), buffers.hidden, rowsPerStep) : undefined;
  const sequences = new Sequences({ pages, pageTokens, contextTokens: config.contextTokens });
  return { gpu, config, frequencies, buffers, embed, ...opened, head, sequences, rowsPerStep };
}

interface LayersOptions extends Pick<GpuDecoderOptions, 'codes' | 'signal'> {
  readonly range: GpuRange;
  readonly rowsPerStep: number;
  /** Of the cache. */
  readonly pages: number;
}

async function openLayers(
  gpu: Gpu,
  config: GpuDecoderConfig,
  weights: DecoderWeights,
  buffers: DecoderBuffers,
  { range, rowsPerStep, pages, codes, signal }: LayersOptions,
): Promise<Pick<DecoderParts, 'layers' | 'caches'>> {
  const bytes = 4 * pages * pageTokens * config.kvHeads * config.headSize;
  const layers: GpuLayer[] = [];
  const caches: LayerCache[] = [];
  for (let layer = range.from; layer < range.to; layer++) {
    throwIfCancelled(signal);
    const cache = { keys: await gpu.buffer('keys', { bytes }), values: await gpu.buffer('values', { bytes }) };
    const own = { rowsPerStep, codes: codes && codesOfLayer(codes, layer, config) };
    const loaded = await weights.layer(layer);
    layers.push(await openLayer(gpu, config, layer, loaded, buffers, { ...cache, pageTokens }, own));
    caches.push(cache);
  }
  return { layers, caches };
}

function wholeOf({ layers }: GpuDecoderConfig): GpuRange {
  return { from: 0, to: layers, head: true, input: 'tokens' };
}

async function openEmbedding(
  gpu: Gpu,
  config: GpuDecoderConfig,
  weights: DecoderWeights,
  { step, tokens, hidden }: DecoderBuffers,
): Promise<BoundKernel> {
  const table = await uploadMatrix(gpu, 'embedding', await weights.table());
  const kernel = await gpu.kernel(embedKernel(table.form, config.embeddingScale));
  return gpu.bind(kernel, [step, tokens, hidden, ...table.buffers]);
}

/** Pages of a whole context. */
export function pagesPerRow({ contextTokens }: GpuDecoderConfig): number {
  return Math.ceil(contextTokens / pageTokens);
}
