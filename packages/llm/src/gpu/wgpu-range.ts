import { CutpointError } from '@cutpoint/core';
import {
  ContinuousBatch,
  type DecoderCodes,
  type Gpu,
  GpuDecoder,
  type GpuInfo,
  type GpuTraffic,
  openGpu,
  type RowInput,
  type TunedProduct,
} from '@cutpoint/gpu';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { ForwardOptions, HiddenInput, Pass, RangeDecoder } from '../decode/range-decoder.js';
import type { LayerRange } from '../graph/range.js';
import type { PackageManifest } from '../package/package-manifest.js';
import type { OpenPart } from '../package/part-source.js';
import type { CrossedHidden } from '../split/hidden-rows.js';
import { decodeStates } from './decode-states.js';
import { packageWeights } from './package-weights.js';

export interface WgpuRangeOptions {
  /** Tokens that all texts together can have. Default: one whole context. */
  readonly cacheTokens?: number | undefined;
  /** Widths in which layers are multiplied. Default: weights as they are, times f32. */
  readonly codes?: DecoderCodes | undefined;
  /** What was found on a GPU of this kind. Default: nothing. */
  readonly tuning?: ((info: GpuInfo) => Promise<readonly TunedProduct[]>) | undefined;
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
    { cacheTokens = manifest.config.contextTokens, codes, tuning, pause }: WgpuRangeOptions,
  ): Promise<WgpuRange> {
    const gpu = await openGpu();
    try {
      const { config } = manifest;
      const tuned = codes === undefined || tuning === undefined ? [] : await tuning(gpu.info);
      const decoder = await GpuDecoder.open(gpu, config, packageWeights(open, manifest), {
        range: { ...range, input: 'states' },
        cacheTokens,
        codes: codes && { ...codes, tuned },
      });
      return new WgpuRange(gpu, decoder, config, range, pause);
    } catch (thrown) {
      gpu[Symbol.dispose]();
      throw thrown;
    }
  }

  sequence(): number {
    return this.#nextSequence++;
  }

  async forward(sequence: number, hidden: Float32Array<ArrayBuffer>, options?: ForwardOptions): Promise<Pass> {
    const { hiddenSize } = this.config;
    const inputs = Array.from({ length: Math.ceil(hidden.length / hiddenSize) }, (_, row) =>
      hidden.subarray(row * hiddenSize, (row + 1) * hiddenSize),
    );
    return await this.#forward(sequence, inputs, options);
  }

  async take(crossed: CrossedHidden): Promise<HiddenInput> {
    const { hiddenSize } = this.config;
    const { states, rows } = await asOfWorker(() => decodeStates(this.#gpu, crossed, hiddenSize));
    const inputs = Array.from({ length: rows }, (_, row) => ({ states, row }));
    return {
      forward: (sequence, options) => this.#forward(sequence, inputs, options),
      // A step that is under way may still read what it took before its pass was cancelled.
      [Symbol.dispose]: () => void this.#batch.stepEnds().finally(() => states.destroy()),
    };
  }

  /** Bytes that went to the GPU and came back since it was opened. */
  get traffic(): GpuTraffic {
    return this.#gpu.traffic;
  }

  async #forward(
    sequence: number,
    inputs: readonly RowInput[],
    { logits = 1, signal }: ForwardOptions = {},
  ): Promise<Pass> {
    const startMs = performance.now();
    const wanted = !this.range.head || logits === 'all' ? inputs.length : Math.min(logits, inputs.length);
    const { rows } = await asOfWorker(() => this.#batch.run({ sequence, inputs, wanted, read: true, signal }));
    return { data: joined(rows), computeMs: performance.now() - startMs };
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

/** Whoever asks for a range knows what to do when its worker is gone; a lost GPU is no different. */
async function asOfWorker<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof CutpointError) || thrown.code !== 'CUT_GPU_LOST') throw thrown;
    throw new CutpointError('CUT_WORKER_DIED', thrown.message, { cause: thrown });
  }
}

function joined(rows: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const [first] = rows;
  const all = new Float32Array(rows.length * (first?.length ?? 0));
  for (const [i, row] of rows.entries()) all.set(row, i * row.length);
  return all;
}
