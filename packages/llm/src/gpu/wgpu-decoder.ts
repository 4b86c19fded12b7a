import { setImmediate } from 'node:timers/promises';
import { asCutpointError, type CancelSignal, CutpointError } from '@cutpoint/core';
import {
  type BatchPass,
  ContinuousBatch,
  type Gpu,
  GpuDecoder,
  type GpuDecoderOptions,
  type GpuInfo,
  openGpu as openGpuHere,
  type PassResult,
  type TunedProduct,
} from '@cutpoint/gpu';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import type { ForwardOptions } from '../decode/range-decoder.js';
import type { NextTokens, Step, TokenDecoder } from '../decode/token-decoder.js';
import type { PackageManifest } from '../package/package-manifest.js';
import { partsIn } from '../package/parts-in-folder.js';
import { acceptDraft, verifyDraft } from '../text/drafts.js';
import type { Sampling } from '../text/sampling.js';
import { tokensThatFit } from './cache-tokens.js';
import { drawsFor } from './draws.js';
import { packageWeights } from './package-weights.js';

const nothingSent = { codecMs: 0, linkMs: 0, serverMs: 0, upBytes: 0, downBytes: 0 };

export interface WgpuOptions extends Pick<GpuDecoderOptions, 'rowsPerStep' | 'codes' | 'signal'> {
  /** Tokens that all texts together can have. Default: one whole context. */
  readonly textTokens?: number | undefined;
  /** The same as the memory that their keys and values may take; where both are given, `textTokens` counts. */
  readonly cacheBytes?: number | undefined;
  /** What was found on a GPU of this kind. Default: nothing. */
  readonly tuning?: (info: GpuInfo) => Promise<readonly TunedProduct[]>;
  /** Hears that the GPU was lost, and why the model could not be put on it again, if so. */
  readonly onLost?: (lost: CutpointError, failed: CutpointError | undefined) => void;
  /** Default: the GPU of this machine. */
  readonly openGpu?: () => Promise<Gpu>;
}

/** What is gone with a GPU. */
interface Opened {
  readonly gpu: Gpu;
  readonly decoder: GpuDecoder;
  readonly batch: ContinuousBatch;
}

/**
 * A whole model on a GPU. Texts that are continued at the same time share its steps. Nothing comes back but tokens, which are
 * chosen on the GPU, also where they are drawn or a draft is verified. A GPU that is lost is opened again, and texts go on:
 * each step brings all of its text.
 */
export class WgpuDecoder implements TokenDecoder {
  readonly config: DecoderConfig;
  readonly #open: () => Promise<Opened>;
  readonly #onLost: NonNullable<WgpuOptions['onLost']>;
  #opened: Opened;
  #reopening: Promise<void> | undefined;
  #closed = false;
  #nextSequence = 1;
  /** Sequences that were begun on the GPU that is open now. */
  #begun = new Set<number>();

  private constructor(opened: Opened, open: () => Promise<Opened>, config: DecoderConfig, options: WgpuOptions) {
    this.#opened = opened;
    this.#open = open;
    this.config = config;
    this.#onLost = options.onLost ?? (() => undefined);
    this.#watch(opened);
  }

  /**
   * Opens a package on a GPU.
   * @throws CutpointError CUT_GPU_MISSING, CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_PACKAGE, CUT_CHECKPOINT or
   * CUT_FILE_NOT_FOUND.
   */
  static async open(folder: string, manifest: PackageManifest, options: WgpuOptions = {}): Promise<WgpuDecoder> {
    const open = (signal?: CancelSignal) => openedOn(folder, manifest, { ...options, signal });
    // What cancels the opening says nothing of a later one.
    return new WgpuDecoder(await open(options.signal), open, manifest.config, options);
  }

  /** Whether it can run passes. */
  get alive(): boolean {
    return this.#opened.gpu.alive;
  }

  sequence(): number {
    return this.#nextSequence++;
  }

  async next(sequence: number, step: Step): Promise<NextTokens> {
    const opened = this.#opened;
    try {
      return await this.#nextOn(opened, sequence, step);
    } catch (thrown) {
      if (!(thrown instanceof CutpointError) || thrown.code !== 'CUT_GPU_LOST') throw thrown;
      await this.#again(opened, thrown);
      return await this.#nextOn(this.#opened, sequence, step);
    }
  }

  async #nextOn({ decoder, batch }: Opened, sequence: number, step: Step): Promise<NextTokens> {
    const { text, draft, sampling, ends, signal } = step;
    const startMs = performance.now();
    const before = decoder.tokensOf(sequence);
    const inputs = [...text.slice(before), ...draft];
    const draws = isGreedy(sampling) ? undefined : drawsFor(text, draft, sampling);
    // What cannot be drawn there is drawn on the CPU.
    const read = draws?.some((draw) => !decoder.canDraw(draw)) === true;
    const wanted = draft.length + 1;
    const result = await batch.run({ sequence, inputs, wanted, read, draws: read ? undefined : draws, signal });
    try {
      const chosen = read
        ? verifyDraft(result.rows, draft, text, sampling, ends)
        : acceptDraft(result.tokens, draft, ends);
      decoder.truncate(sequence, text.length + chosen.accepted);
      return { ...chosen, cost: { agentMs: performance.now() - startMs, ...nothingSent } };
    } catch (thrown) {
      decoder.truncate(sequence, before);
      throw thrown;
    }
  }

  /**
   * Runs tokens behind those that a sequence has. @returns logits [1 or tokens, vocabularySize].
   * @throws CutpointError CUT_GPU_LOST also for a sequence whose first tokens went with a GPU; and as `ContinuousBatch.run`.
   */
  async logits(
    sequence: number,
    tokens: readonly number[],
    { logits = 1, signal }: ForwardOptions = {},
  ): Promise<Float32Array<ArrayBuffer>> {
    const wanted = logits === 'all' ? tokens.length : logits;
    const result = await this.#runHere({ sequence, inputs: tokens, wanted, read: true, signal });
    const { vocabularySize } = this.config;
    const all = new Float32Array(wanted * vocabularySize);
    for (const [i, row] of result.rows.entries()) all.set(row, i * vocabularySize);
    return all;
  }

  /** On this GPU or not at all: of a sequence only what is behind its tokens is given. */
  async #runHere(pass: BatchPass): Promise<PassResult> {
    const { decoder, batch } = this.#opened;
    if (decoder.tokensOf(pass.sequence) === 0 && this.#begun.has(pass.sequence)) {
      throw new CutpointError('CUT_GPU_LOST', 'The GPU was lost, and with it the beginning of this text.');
    }
    const result = await batch.run(pass);
    this.#begun.add(pass.sequence);
    return result;
  }

  truncate(sequence: number, tokens: number): void {
    this.#opened.decoder.truncate(sequence, tokens);
    if (tokens === 0) this.#begun.delete(sequence);
  }

  clone(sequence: number, tokens: number): number {
    const into = this.sequence();
    this.#opened.decoder.clone(sequence, into, tokens);
    if (tokens > 0 && this.#begun.has(sequence)) this.#begun.add(into);
    return into;
  }

  drop(sequence: number): void {
    this.#opened.decoder.drop(sequence);
    this.#begun.delete(sequence);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#opened.gpu[Symbol.dispose]();
    await this.#reopening?.catch(() => undefined);
  }

  /** Without waiting for the next text: who looks whether it is well would send none. */
  #watch(opened: Opened): void {
    void opened.gpu.lost.then((lost) =>
      lost.code === 'CUT_GPU_LOST' ? this.#again(opened, lost).catch(() => undefined) : undefined,
    );
  }

  /** Opens the GPU again, once for all who ask. @throws CutpointError as `open`. */
  async #again(gone: Opened, lost: CutpointError): Promise<void> {
    if (this.#opened !== gone) return;
    if (this.#closed) throw lost;
    this.#reopening ??= this.#reopen(gone, lost).finally(() => {
      this.#reopening = undefined;
    });
    await this.#reopening;
  }

  async #reopen(gone: Opened, lost: CutpointError): Promise<void> {
    gone.gpu[Symbol.dispose]();
    try {
      const opened = await this.#open();
      if (this.#closed) {
        opened.gpu[Symbol.dispose]();
        throw lost;
      }
      this.#opened = opened;
      this.#watch(opened);
    } catch (thrown) {
      const failed = asCutpointError(thrown, 'CUT_GPU_LOST');
      this.#onLost(lost, failed);
      throw failed;
    }
    this.#onLost(lost, undefined);
  }
}

async function openedOn(folder: string, manifest: PackageManifest, options: WgpuOptions): Promise<Opened> {
  const { codes, tuning, textTokens, cacheBytes, openGpu = openGpuHere, rowsPerStep, signal } = options;
  const { config } = manifest;
  const gpu = await openGpu();
  try {
    const fitting = cacheBytes && tokensThatFit(cacheBytes, config, config.layers);
    const tuned = codes === undefined || tuning === undefined ? [] : await tuning(gpu.info);
    const decoder = await GpuDecoder.open(gpu, config, packageWeights(partsIn(folder), manifest), {
      ...(rowsPerStep === undefined ? {} : { rowsPerStep }),
      cacheTokens: textTokens ?? fitting ?? config.contextTokens,
      codes: codes && { ...codes, tuned },
      signal,
    });
    return { gpu, decoder, batch: new ContinuousBatch(decoder, () => setImmediate()) };
  } catch (thrown) {
    gpu[Symbol.dispose]();
    throw thrown;
  }
}

function isGreedy({ temperature, repetitionPenalty }: Sampling): boolean {
  return temperature === 0 && repetitionPenalty === 1;
}
