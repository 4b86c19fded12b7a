import { CutpointError } from '@cutpoint/core';
import { type BatchPass, ContinuousBatch, type Gpu, GpuDecoder, openGpu, type PassResult } from '@cutpoint/gpu';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { ForwardOptions, Pass, RangeDecoder } from '../decode/range-decoder.js';
import type { LayerRange } from '../graph/range.js';
import type { PackageManifest } from '../package/package-manifest.js';
import type { OpenPart } from '../package/part-source.js';
import { packageWeights } from './package-weights.js';

export interface WgpuRangeOptions {
  /** Tokens that all texts together can have. Default: one whole context. */
  readonly cacheTokens?: number | undefined;
  /** Lets those go on whose passes are done, so that their next ones run together. */
  readonly pause: () => Promise<void>;
}

/** Layers of a package on a GPU: hidden states go in, and logits or, without head, hidden states come out. */
export class WgpuRange implements RangeDecoder {
  readonly #gpu: Gpu;
  readonly #decoder: GpuDecoder;
  readonly #batch: ContinuousBatch;
  #nextSequence = 1;

  private constructor(
    gpu: Gpu,
    decoder: GpuDecoder,
    readonly config: DecoderConfig,
    readonly range: LayerRange,
    pause: () => Promise<void>,
  ) {
    this.#gpu = gpu;
    this.#decoder = decoder;
    this.#batch = new ContinuousBatch(decoder, pause);
  }

  /** @throws CutpointError as `WgpuDecoder.open`. */
  static async open(
    open: OpenPart,
    manifest: PackageManifest,
    range: LayerRange,
    { cacheTokens = manifest.config.contextTokens, pause }: WgpuRangeOptions,
  ): Promise<WgpuRange> {
    const gpu = await openGpu();
    try {
      const { config } = manifest;
      const options = { range: { ...range, input: 'states' as const }, cacheTokens };
      const decoder = await GpuDecoder.open(gpu, config, packageWeights(open, manifest), options);
      return new WgpuRange(gpu, decoder, config, range, pause);
    } catch (thrown) {
      gpu[Symbol.dispose]();
      throw thrown;
    }
  }

  sequence(): number {
    return this.#nextSequence++;
  }

  async forward(
    sequence: number,
    hidden: Float32Array<ArrayBuffer>,
    { logits = 1, signal }: ForwardOptions = {},
  ): Promise<Pass> {
    const startMs = performance.now();
    const { hiddenSize } = this.config;
    const inputs = Array.from({ length: Math.ceil(hidden.length / hiddenSize) }, (_, row) =>
      hidden.subarray(row * hiddenSize, (row + 1) * hiddenSize),
    );
    const wanted = !this.range.head || logits === 'all' ? inputs.length : Math.min(logits, inputs.length);
    const { rows } = await this.#run({ sequence, inputs, wanted, read: true, signal });
    return { data: joined(rows), computeMs: performance.now() - startMs };
  }

  /** Whoever asks for a range knows what to do when its worker is gone; a lost GPU is no different. */
  async #run(pass: BatchPass): Promise<PassResult> {
    try {
      return await this.#batch.run(pass);
    } catch (thrown) {
      if (!(thrown instanceof CutpointError) || thrown.code !== 'CUT_GPU_LOST') throw thrown;
      throw new CutpointError('CUT_WORKER_DIED', thrown.message, { cause: thrown });
    }
  }

  truncate(sequence: number, tokens: number): void {
    this.#decoder.truncate(sequence, tokens);
  }

  clone(sequence: number, tokens: number): number {
    const into = this.sequence();
    this.#decoder.clone(sequence, into, tokens);
    return into;
  }

  drop(sequence: number): void {
    this.#decoder.drop(sequence);
  }

  async dispose(): Promise<void> {
    this.#gpu[Symbol.dispose]();
  }
}

function joined(rows: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const [first] = rows;
  const all = new Float32Array(rows.length * (first?.length ?? 0));
  for (const [i, row] of rows.entries()) all.set(row, i * row.length);
  return all;
}
