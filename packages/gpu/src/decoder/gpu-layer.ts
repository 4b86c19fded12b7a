import { CutpointError } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';
import type { Dispatch, KernelSource } from '../device/kernel.js';
import type { BitWidth } from '../matrix/code-matrix.js';
import { codesOf } from '../matrix/codes-of.js';
import type { TunedProduct } from '../tune/tuned-product.js';
import { codeProduct } from './code-product.js';
import type { DecoderBuffers } from './decoder-buffers.js';
import type { GpuDecoderConfig } from './decoder-config.js';
import type { LayerWeights, MatrixBytes } from './decoder-weights.js';
import { type RowProduct, rowProduct, uploadMatrix } from './gpu-matrix.js';
import { attendKernel } from './kernels/attend.js';
import type { AttentionShape } from './kernels/attention-shape.js';
import { addKernel, biasKernel, elementThreads, gateKernel } from './kernels/elementwise.js';
import { rmsNormKernel } from './kernels/rms-norm.js';
import { turnAndKeepKernel } from './kernels/turn-and-keep.js';

/** Keys and values of one layer, of all pages. */
export interface LayerCache {
  readonly keys: GPUBuffer;
  readonly values: GPUBuffer;
}

export interface LayerOptions {
  /** Rows of a step at most. */
  readonly rowsPerStep: number;
  /** Widths in which weights and what they are multiplied with are integers; undefined: weights as they are, times f32. */
  readonly codes: CodeWidths | undefined;
}

export interface CodeWidths {
  readonly weightBits: BitWidth;
  readonly activationBits: BitWidth;
  /** What was found on this GPU, if anything was. */
  readonly tuned?: readonly TunedProduct[];
}

/** A layer on the GPU: what it runs for a step of so many rows, in order. */
export type GpuLayer = (rows: number) => readonly Dispatch[];

type Step = (rows: number) => Dispatch;

/** @throws CutpointError CUT_PACKAGE, CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_INTERNAL. */
export async function openLayer(
  gpu: Gpu,
  config: GpuDecoderConfig,
  layer: number,
  weights: LayerWeights,
  buffers: DecoderBuffers,
  cache: LayerCache & { readonly pageTokens: number },
  options: LayerOptions,
): Promise<GpuLayer> {
  const make = new StepMaker(gpu, config, buffers, options);
  const { hidden, normed, qkv, attended, delta, gateUp, gated } = buffers;
  const steps: (Step | RowProduct | undefined)[] = [
    await make.norm(hidden, normed, weights.attentionNorm),
    await make.product('qkv', weights.qkv, normed, qkv),
    await make.bias(weights.qkvBias, qkv),
    await make.turnAndKeep(layer, weights, cache),
    await make.attend(layer, cache),
    await make.product('out', weights.out, attended, delta),
    await make.bias(weights.outBias, delta),
    ...(await make.residual(weights.postAttentionNorm)),
    await make.norm(hidden, normed, weights.ffnNorm),
    await make.product('gateUp', weights.gateUp, normed, gateUp),
    await make.columns(gateKernel(config.ffnSize, config.activation), config.ffnSize, [gateUp, gated]),
    await make.product('down', weights.down, gated, delta),
    ...(await make.residual(weights.postFfnNorm)),
  ];
  const present = steps.filter((step) => step !== undefined);
  return (rows) => present.flatMap((step) => step(rows));
}

/** Makes the kernels of a layer, with their buffers. */
class StepMaker {
  readonly #gpu: Gpu;
  readonly #config: GpuDecoderConfig;
  readonly #buffers: DecoderBuffers;
  readonly #options: LayerOptions;

  constructor(gpu: Gpu, config: GpuDecoderConfig, buffers: DecoderBuffers, options: LayerOptions) {
    this.#options = options;
    this.#gpu = gpu;
    this.#config = config;
    this.#buffers = buffers;
  }

  norm(input: GPUBuffer, result: GPUBuffer, weight: Float32Array): Promise<Step> {
    return normStep(this.#gpu, { step: this.#buffers.step, input, result }, weight, this.#config.normEpsilon);
  }

  async product(name: string, weights: MatrixBytes, input: GPUBuffer, result: GPUBuffer): Promise<RowProduct> {
    const io = { step: this.#buffers.step, input, result };
    const { codes } = this.#options;
    if (codes === undefined) return await rowProduct(this.#gpu, await uploadMatrix(this.#gpu, name, weights), io);
    const { weightBits, activationBits, tuned = [] } = codes;
    const { rowsPerStep } = this.#options;
    return await codeProduct(this.#gpu, codesOf(weights, weightBits), io, { activationBits, rowsPerStep, tuned });
  }

  async bias(weight: Float32Array | undefined, result: GPUBuffer): Promise<Step | undefined> {
    if (weight === undefined) return undefined;
    const { length } = weight;
    return this.columns(biasKernel(length), length, [await this.#gpu.buffer('bias', weight), result]);
  }

  /** Adds what a half layer gives, normalised before where the model does that. */
  async residual(postNorm: Float32Array | undefined): Promise<readonly Step[]> {
    const { hidden, delta, normed } = this.#buffers;
    const { hiddenSize } = this.#config;
    const add = (input: GPUBuffer) => this.columns(addKernel(hiddenSize), hiddenSize, [input, hidden]);
    if (postNorm === undefined) return [await add(delta)];
    return [await this.norm(delta, normed, postNorm), await add(normed)];
  }

  async columns(source: KernelSource, size: number, buffers: readonly GPUBuffer[]): Promise<Step> {
    const bound = this.#gpu.bind(await this.#gpu.kernel(source), [this.#buffers.step, ...buffers]);
    return (rows) => ({ bound, groups: [Math.ceil(size / elementThreads), rows, 1] });
  }

  async turnAndKeep(layer: number, weights: LayerWeights, cache: LayerCache & { pageTokens: number }): Promise<Step> {
    const { heads, kvHeads, qkNorm, normEpsilon, attention } = this.#config;
    const { step, qkv, places, pages, turns } = this.#buffers;
    const options = { rope: attention[layer]?.rope ?? 0, normEpsilon: qkNorm ? normEpsilon : null };
    const norms: GPUBuffer[] = [];
    if (qkNorm) {
      for (const weight of [weights.queryNorm, weights.keyNorm]) {
        if (weight === undefined) throw new CutpointError('CUT_PACKAGE', `Layer ${layer} lacks a norm of its heads.`);
        norms.push(await this.#gpu.buffer('head norm', weight));
      }
    }
    const kernel = await this.#gpu.kernel(turnAndKeepKernel(this.#shape(layer, cache.pageTokens), options));
    const bound = this.#gpu.bind(kernel, [step, qkv, cache.keys, cache.values, places, pages, turns, ...norms]);
    return (rows) => ({ bound, groups: [heads + 2 * kvHeads, rows, 1] });
  }

  async attend(layer: number, cache: LayerCache & { pageTokens: number }): Promise<Step> {
    const { step, qkv, places, pages, attended } = this.#buffers;
    const kernel = await this.#gpu.kernel(attendKernel(this.#shape(layer, cache.pageTokens)));
    const bound = this.#gpu.bind(kernel, [step, qkv, cache.keys, cache.values, places, pages, attended]);
    return (rows) => ({ bound, groups: [this.#config.heads, rows, 1] });
  }

  #shape(layer: number, pageTokens: number): AttentionShape {
    const { heads, kvHeads, headSize, attentionScale, attention } = this.#config;
    const windowTokens = attention[layer]?.windowTokens ?? null;
    return { heads, kvHeads, headSize, pageTokens, windowTokens, scale: attentionScale };
  }
}

/** A norm of rows. @throws CutpointError CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_INTERNAL. */
export async function normStep(
  gpu: Gpu,
  { step, input, result }: { readonly step: GPUBuffer; readonly input: GPUBuffer; readonly result: GPUBuffer },
  weight: Float32Array,
  epsilon: number,
): Promise<Step> {
  const kernel = await gpu.kernel(rmsNormKernel(weight.length, epsilon));
  const bound = gpu.bind(kernel, [step, input, result, await gpu.buffer('norm', weight)]);
  return (rows) => ({ bound, groups: [1, rows, 1] });
}
