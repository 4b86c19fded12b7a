import { resolve } from 'node:path';
import { type MessagePort, Worker } from 'node:worker_threads';
import { type CancelSignal, CutpointError, cancelReason, messageOf, onCancel, throwIfCancelled } from '@cutpoint/core';
import { forgetGate, openGate } from '@cutpoint/runtime';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { type CacheChoice, cacheChoices } from '../graph/cache-kind.js';
import type { LayerRange } from '../graph/range.js';
import { freeMemoryBytes } from '../memory/free-memory.js';
import { requireMemory } from '../memory/require-memory.js';
import type { PackageManifest } from '../package/package-manifest.js';
import type { FromDecoder, OpenRequest, ToDecoder } from './decoder-protocol.js';
import type { ForwardOptions, Pass, RangeDecoder } from './range-decoder.js';

/** The built worker; `src/decode` and `dist/decode` lie equally deep, so this holds from both. */
const workerScript = new URL('../../dist/decode/decoder-worker.js', import.meta.url);

export const standardChunkTokens = 128;

/** What lives shortly in a worker is small: with the runtime's own bound it took 60 MB more. */
const resourceLimits = { maxYoungGenerationSizeMb: 2 };

const here = {
  where: 'on this machine',
  advice: 'run fewer layers here (--at), import the model in fewer bits, or end what takes the memory',
};

export interface DecoderRangeOptions {
  /** Threads inside one operator. Default 1. */
  readonly threads?: number;
  /** Execution provider of onnxruntime. Default `cpu`. */
  readonly provider?: string;
  /** Tokens of a prompt that run at once: more take more memory and cancel later. Default `standardChunkTokens`. */
  readonly chunkTokens?: number;
  /** How keys and values are kept. Default `f32`; with `none` there is no head, and each pass brings the whole text. */
  readonly cache?: CacheChoice;
  /** Memory that is free for the layers, in bytes. Default: what the system says. */
  readonly freeBytes?: () => Promise<number>;
  /** Cancels the opening. */
  readonly signal?: CancelSignal;
}

/** Of a worker that serves a range. */
export interface StartOptions {
  readonly config: DecoderConfig;
  readonly range: LayerRange;
  /** Cancels the opening. */
  readonly signal?: CancelSignal | undefined;
  /** What of the request moves to the worker. */
  readonly transfer?: readonly MessagePort[];
}

interface Pending {
  resolve(pass: Pass): void;
  reject(error: CutpointError): void;
}

/** A range of a decoder's layers in a worker thread of its own, with the caches of its sequences. */
export class DecoderRange implements RangeDecoder, AsyncDisposable {
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #nextSequence = 1;
  #ended: CutpointError | undefined;
  #stopping = false;
  #opened: { resolve(): void; reject(error: CutpointError): void } | undefined;
  readonly #gone: Promise<void>;
  /** Of all sequences, as of the last pass. */
  cacheBytes = 0;

  readonly #worker: Worker;

  private constructor(
    worker: Worker,
    readonly config: DecoderConfig,
    readonly range: LayerRange,
    gate: Int32Array,
  ) {
    this.#worker = worker;
    let why = 'ended';
    worker.on('message', (message: FromDecoder) => this.#receive(message));
    worker.on('error', (error) => {
      why = `failed: ${messageOf(error)}`;
    });
    this.#gone = new Promise((resolve) => {
      worker.once('exit', () => {
        forgetGate(gate);
        this.#end(new CutpointError('CUT_WORKER_DIED', `The worker of the decoder ${why}.`));
        resolve();
      });
    });
  }

  /**
   * Opens layers of a package.
   * @param folder the package's.
   * @throws CutpointError CUT_USAGE for an option out of range, CUT_ILLEGAL_CUT, CUT_MEMORY before anything is read, CUT_PACKAGE,
   * CUT_EXTERNAL_DATA, CUT_LOAD, CUT_WORKER_DIED, CUT_CANCELLED or CUT_DEADLINE.
   */
  static async open(
    folder: string,
    manifest: PackageManifest,
    range: LayerRange,
    options: DecoderRangeOptions = {},
  ): Promise<DecoderRange> {
    const { signal } = options;
    const threads = wholeNumber('threads', options.threads ?? 1, 1024);
    const chunkTokens = wholeNumber('chunkTokens', options.chunkTokens ?? standardChunkTokens, 65_536);
    const cache = requireCache(options.cache ?? 'f32', range);
    const { freeBytes = freeMemoryBytes } = options;
    requireMemory(manifest, range, { cache, freeBytes: await freeBytes(), ...here });
    const { provider = 'cpu' } = options;
    const request: OpenRequest = { folder: resolve(folder), manifest, range, threads, provider, chunkTokens, cache };
    return await DecoderRange.start(workerScript, request, { config: manifest.config, range, signal });
  }

  /**
   * Starts a worker that serves a range (`serveDecoder`) and has it opened.
   * @param script the worker's. @param request what it opens.
   * @throws CutpointError as the worker does, CUT_WORKER_DIED, CUT_CANCELLED or CUT_DEADLINE.
   */
  static async start<Request>(
    script: URL,
    request: Request,
    { config, range, signal, transfer = [] }: StartOptions,
  ): Promise<DecoderRange> {
    throwIfCancelled(signal);
    const gate = openGate();
    const worker = new Worker(script, { workerData: gate, execArgv: [], resourceLimits });
    const decoder = new DecoderRange(worker, config, range, gate);
    try {
      const opened = new Promise<void>((resolveOpen, reject) => {
        decoder.#opened = { resolve: resolveOpen, reject };
      });
      using _ = onCancel(signal, () => {
        if (signal !== undefined) decoder.#opened?.reject(cancelReason(signal));
      });
      worker.postMessage({ kind: 'open', request } satisfies ToDecoder<Request>, transfer);
      await opened;
      return decoder;
    } catch (thrown) {
      const disposing = decoder.dispose();
      // Who cancels is answered at once; the thread may still be inside the native load.
      if (signal?.aborted !== true) await disposing;
      throw thrown;
    }
  }

  /** Whether it can run passes: its worker lives, and it was not closed. */
  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** A new, empty sequence. */
  sequence(): number {
    return this.#nextSequence++;
  }

  /**
   * Runs tokens behind those that the sequence has. Passes run in the order of the calls.
   * @param hidden [tokens, hiddenSize]; given away.
   * @throws CutpointError CUT_INPUT if the context is too short, CUT_RUN, CUT_CANCELLED, CUT_DEADLINE, CUT_WORKER_DIED or
   * CUT_DISPOSED.
   */
  async forward(
    sequence: number,
    hidden: Float32Array<ArrayBuffer>,
    { logits = 1, signal }: ForwardOptions = {},
  ): Promise<Pass> {
    throwIfCancelled(signal);
    if (this.#ended !== undefined) throw this.#ended;
    this.#requireHidden(hidden);
    const id = this.#nextId++;
    const owned = hidden.byteLength === hidden.buffer.byteLength ? hidden : hidden.slice();
    const passed = new Promise<Pass>((resolvePass, reject) => this.#pending.set(id, { resolve: resolvePass, reject }));
    this.#worker.postMessage({ kind: 'forward', id, sequence, hidden: owned, logits } satisfies ToDecoder<unknown>, [
      owned.buffer,
    ]);
    using _ = onCancel(signal, () => {
      this.#post({ kind: 'cancel', id });
      if (signal !== undefined) this.#pending.get(id)?.reject(cancelReason(signal));
    });
    return await passed;
  }

  /** Forgets all but the first tokens of a sequence. */
  truncate(sequence: number, tokens: number): void {
    this.#post({ kind: 'truncate', sequence, tokens });
  }

  /** A new sequence that begins with the first tokens of another; neither knows of the other afterwards. */
  clone(sequence: number, tokens: number): number {
    const into = this.sequence();
    this.#post({ kind: 'clone', sequence, into, tokens });
    return into;
  }

  /** Frees a sequence's cache. */
  drop(sequence: number): void {
    this.#post({ kind: 'drop', sequence });
  }

  /** Rejects what is pending with CUT_DISPOSED; resolves once the worker is gone. */
  async dispose(): Promise<void> {
    this.#end(new CutpointError('CUT_DISPOSED', 'The decoder was closed.'));
    if (!this.#stopping) this.#worker.postMessage({ kind: 'stop' } satisfies ToDecoder<unknown>);
    this.#stopping = true;
    await this.#gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #requireHidden(hidden: Float32Array): void {
    const { hiddenSize } = this.config;
    if (hidden.length > 0 && hidden.length % hiddenSize === 0) return;
    throw new CutpointError(
      'CUT_INPUT',
      `Hidden states are rows of ${hiddenSize} elements, but ${hidden.length} were given.`,
    );
  }

  #post(message: ToDecoder<never>): void {
    if (this.#ended === undefined) this.#worker.postMessage(message);
  }

  #receive(message: FromDecoder): void {
    if (message.kind === 'opened') this.#opened?.resolve();
    else if (message.kind === 'refused') this.#opened?.reject(new CutpointError(message.code, message.message));
    else {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if (message.kind === 'failed') pending?.reject(new CutpointError(message.code, message.message));
      else {
        this.cacheBytes = message.cacheBytes;
        pending?.resolve({ data: message.data, computeMs: message.computeMs });
      }
    }
  }

  #end(error: CutpointError): void {
    this.#ended ??= error;
    this.#opened?.reject(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function wholeNumber(name: string, value: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw new CutpointError('CUT_USAGE', `The option ${name} must be a whole number from 1 to ${most}, not ${value}.`);
}

function requireCache(cache: CacheChoice, { head }: LayerRange): CacheChoice {
  if (!cacheChoices.includes(cache)) {
    throw new CutpointError('CUT_USAGE', `There is no cache in ${cache}: name one of ${cacheChoices.join(', ')}.`);
  }
  if (cache !== 'none' || !head) return cache;
  throw new CutpointError('CUT_USAGE', 'Only the layers before a cut can do without a cache: cut the model (--at).');
}
