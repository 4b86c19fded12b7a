import { setImmediate } from 'node:timers/promises';
import {
  ContinuousBatch,
  type Gpu,
  GpuDecoder,
  type GpuDecoderOptions,
  type GpuInfo,
  openGpu,
  type TunedProduct,
} from '@cutpoint/gpu';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { ForwardOptions } from '../decode/decoder-range.js';
import type { NextTokens, Step, TokenDecoder } from '../decode/token-decoder.js';
import type { PackageManifest } from '../package/package-manifest.js';
import { verifyDraft } from '../text/drafts.js';
import type { Sampling } from '../text/sampling.js';
import { tokensThatFit } from './cache-tokens.js';
import { packageWeights } from './package-weights.js';

const nothingSent = { codecMs: 0, linkMs: 0, serverMs: 0, upBytes: 0, downBytes: 0 };

export interface WgpuOptions extends Pick<GpuDecoderOptions, 'rowsPerStep' | 'codes' | 'signal'> {
  /** Tokens that all texts together can have. Default: one whole context. */
  readonly textTokens?: number | undefined;
  /** The same as the memory that their keys and values may take; where both are given, `textTokens` counts. */
  readonly cacheBytes?: number | undefined;
  /** What was found on a GPU of this kind. Default: nothing. */
  readonly tuning?: (info: GpuInfo) => Promise<readonly TunedProduct[]>;
}

/**
 * A whole model on a GPU. Texts that are continued at the same time share its steps. Of a greedy text nothing comes back but
 * its tokens; where tokens are drawn, or a draft is verified, their logits do.
 */
export class WgpuDecoder implements TokenDecoder {
  readonly #gpu: Gpu;
  readonly #decoder: GpuDecoder;
  readonly #batch: ContinuousBatch;
  #nextSequence = 1;

  private constructor(
    gpu: Gpu,
    decoder: GpuDecoder,
    readonly config: DecoderConfig,
  ) {
    this.#gpu = gpu;
    this.#decoder = decoder;
    this.#batch = new ContinuousBatch(decoder, () => setImmediate());
  }

  /**
   * Opens a package on the GPU of this machine.
   * @throws CutpointError CUT_GPU_MISSING, CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_PACKAGE, CUT_CHECKPOINT or
   * CUT_FILE_NOT_FOUND.
   */
  static async open(folder: string, manifest: PackageManifest, given: WgpuOptions = {}): Promise<WgpuDecoder> {
    const gpu = await openGpu();
    try {
      const { config } = manifest;
      const { codes, tuning, textTokens, cacheBytes, ...others } = given;
      const fitting = cacheBytes && tokensThatFit(cacheBytes, config, config.layers);
      const cacheTokens = textTokens ?? fitting ?? config.contextTokens;
      const tuned = codes === undefined || tuning === undefined ? [] : await tuning(gpu.info);
      const options = { ...others, cacheTokens, codes: codes && { ...codes, tuned } };
      return new WgpuDecoder(
        gpu,
        await GpuDecoder.open(gpu, config, packageWeights(folder, manifest), options),
        config,
      );
    } catch (thrown) {
      gpu[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Whether it can run passes. */
  get alive(): boolean {
    return this.#gpu.alive;
  }

  sequence(): number {
    return this.#nextSequence++;
  }

  async next(sequence: number, { text, draft, sampling, ends, signal }: Step): Promise<NextTokens> {
    const startMs = performance.now();
    const before = this.#decoder.tokensOf(sequence);
    const inputs = [...text.slice(before), ...draft];
    const read = draft.length > 0 || !isGreedy(sampling);
    const result = await this.#batch.run({ sequence, inputs, wanted: draft.length + 1, read, signal });
    try {
      const chosen = read
        ? verifyDraft(result.rows, draft, text, sampling, ends)
        : { tokens: [...result.tokens], accepted: 0 };
      this.truncate(sequence, text.length + chosen.accepted);
      return { ...chosen, cost: { agentMs: performance.now() - startMs, ...nothingSent } };
    } catch (thrown) {
      this.truncate(sequence, before);
      throw thrown;
    }
  }

  /** Runs tokens behind those that a sequence has. @returns logits [1 or tokens, vocabularySize]. */
  async logits(
    sequence: number,
    tokens: readonly number[],
    { logits = 1, signal }: ForwardOptions = {},
  ): Promise<Float32Array<ArrayBuffer>> {
    const wanted = logits === 'all' ? tokens.length : logits;
    const result = await this.#batch.run({ sequence, inputs: tokens, wanted, read: true, signal });
    const { vocabularySize } = this.config;
    const all = new Float32Array(wanted * vocabularySize);
    for (const [i, row] of result.rows.entries()) all.set(row, i * vocabularySize);
    return all;
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gpu[Symbol.dispose]();
  }
}

function isGreedy({ temperature, repetitionPenalty }: Sampling): boolean {
  return temperature === 0 && repetitionPenalty === 1;
}
