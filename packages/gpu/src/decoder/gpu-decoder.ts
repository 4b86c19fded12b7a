import { type CancelSignal, CutpointError, throwIfCancelled } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';
import type { BoundKernel, Dispatch } from '../device/kernel.js';
import { type DecoderBuffers, decoderBuffers } from './decoder-buffers.js';
import { codesOfLayer, type DecoderCodes } from './decoder-codes.js';
import type { GpuDecoderConfig } from './decoder-config.js';
import type { DecoderWeights } from './decoder-weights.js';
import { type Draw, packDraws } from './draw.js';
import { type GpuHead, mostHistory, openHead } from './gpu-head.js';
import { type GpuLayer, type LayerCache, openLayer } from './gpu-layer.js';
import { uploadMatrix } from './gpu-matrix.js';
import { embedKernel } from './kernels/embed.js';
import { type PageCopy, Sequences } from './sequences.js';

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

/** A hidden state that is on the GPU already: a row of `hiddenSize` numbers among others. It stays as it is until its pass has ended. */
export interface StateOnGpu {
  readonly states: GPUBuffer;
  readonly row: number;
}

/** A token, or its hidden state of `hiddenSize` numbers. */
export type RowInput = number | Float32Array | StateOnGpu;

/** One token of one sequence, behind those that the sequence holds or that come before it in the same step. */
export interface StepRow {
  readonly sequence: number;
  readonly input: RowInput;
  /** Whether it is wanted what comes out. */
  readonly wanted: boolean;
  /** Of a wanted row: how its token is drawn. Default: the likeliest. Its logits, where they are read, have the penalty. */
  readonly draw?: Draw | undefined;
}

export interface StepResult {
  /** Of each wanted row, in order, the token behind it, drawn or the likeliest; `noToken` where its logits hold what is no number. Empty without head. */
  readonly tokens: Uint32Array;
  /** Of each wanted row, if they were asked for: logits, or hidden states of a range without head. */
  readonly rows: readonly Float32Array[];
}

const pageTokens = 16;

/**
 * A decoder on a GPU, or some of its layers. Rows of a step may belong to different sequences, each at its own position, so that texts
 * join and leave between any two steps (continuous batching: Yu et al., Orca, OSDI 2022); keys and values lie in pages
 * (Kwon et al., PagedAttention, SOSP 2023). Steps run one after another.
 */
export class GpuDecoder {
  readonly rowsPerStep: number;
  readonly #gpu: Gpu;
  readonly #config: GpuDecoderConfig;
  readonly #frequencies: readonly Float64Array[];
  readonly #buffers: DecoderBuffers;
  readonly #embed: BoundKernel | undefined;
  readonly #layers: readonly GpuLayer[];
  readonly #caches: readonly LayerCache[];
  readonly #head: GpuHead | undefined;
  readonly #sequences: Sequences;
  readonly #pagesPerRow: number;

  private constructor(parts: {
    gpu: Gpu;
    config: GpuDecoderConfig;
    frequencies: readonly Float64Array[];
    buffers: DecoderBuffers;
    embed: BoundKernel | undefined;
    layers: readonly GpuLayer[];
    caches: readonly LayerCache[];
    head: GpuHead | undefined;
    sequences: Sequences;
    rowsPerStep: number;
  }) {
    this.rowsPerStep = parts.rowsPerStep;
    this.#gpu = parts.gpu;
    this.#config = parts.config;
    this.#frequencies = parts.frequencies;
    this.#buffers = parts.buffers;
    this.#embed = parts.embed;
    this.#layers = parts.layers;
    this.#caches = parts.caches;
    this.#head = parts.head;
    this.#sequences = parts.sequences;
    this.#pagesPerRow = pagesPerRow(parts.config);
  }

  /**
   * Puts a decoder on a GPU, part by part; its buffers are freed with the GPU.
   * @throws CutpointError CUT_PACKAGE, CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_GPU_LOST, CUT_INTERNAL.
   */
  static async open(
    gpu: Gpu,
    config: GpuDecoderConfig,
    weights: DecoderWeights,
    {
      rowsPerStep = 64,
      cacheTokens = config.contextTokens,
      codes,
      range = wholeOf(config),
      signal,
    }: GpuDecoderOptions = {},
  ): Promise<GpuDecoder> {
    const { kvHeads, headSize, contextTokens } = config;
    if (!(rowsPerStep >= 1 && cacheTokens >= 1)) {
      throw new CutpointError(
        'CUT_USAGE',
        `A step of ${rowsPerStep} rows and a cache of ${cacheTokens} tokens hold nothing.`,
      );
    }
    const pages = Math.ceil(cacheTokens / pageTokens);
    const sizes = { rows: rowsPerStep, ropes: weights.ropeFrequencies.length, pagesPerRow: pagesPerRow(config) };
    const buffers = await decoderBuffers(gpu, config, sizes);
    const embed = range.input === 'tokens' ? await openEmbedding(gpu, config, weights, buffers) : undefined;
    const layers: GpuLayer[] = [];
    const caches: LayerCache[] = [];
    for (let layer = range.from; layer < range.to; layer++) {
      throwIfCancelled(signal);
      const bytes = 4 * pages * pageTokens * kvHeads * headSize;
      const cache = { keys: await gpu.buffer('keys', { bytes }), values: await gpu.buffer('values', { bytes }) };
      layers.push(
        await openLayer(
          gpu,
          config,
          layer,
          await weights.layer(layer),
          buffers,
          { ...cache, pageTokens },
          { rowsPerStep, codes: codes && codesOfLayer(codes, layer, config) },
        ),
      );
      caches.push(cache);
    }
    const head = range.head
      ? await openHead(gpu, config, await weights.head(), buffers.hidden, rowsPerStep)
      : undefined;
    const sequences = new Sequences({ pages, pageTokens, contextTokens });
    const frequencies = weights.ropeFrequencies;
    return new GpuDecoder({ gpu, config, frequencies, buffers, embed, layers, caches, head, sequences, rowsPerStep });
  }

  /** How many tokens a sequence holds. */
  tokensOf(sequence: number): number {
    return this.#sequences.tokensOf(sequence);
  }

  /** Pages of the cache that nobody has, and how many of them more tokens of a sequence take. */
  get freePages(): number {
    return this.#sequences.freePages;
  }

  pagesFor(sequence: number, tokens: number): number {
    return this.#sequences.pagesFor(sequence, tokens);
  }

  truncate(sequence: number, tokens: number): void {
    this.#sequences.truncate(sequence, tokens);
  }

  clone(sequence: number, into: number, tokens: number): void {
    this.#sequences.clone(sequence, into, tokens);
  }

  drop(sequence: number): void {
    this.#sequences.drop(sequence);
  }

  /**
   * Runs rows of any sequences. What fails leaves the sequences as they were.
   * @throws CutpointError CUT_INPUT for a token outside the vocabulary or a text longer than the context; CUT_GPU_MEMORY if
   * the cache is full; CUT_GPU_LOST, CUT_INTERNAL.
   */
  async step(rows: readonly StepRow[], { read = false } = {}): Promise<StepResult> {
    if (rows.length === 0 || rows.length > this.rowsPerStep) {
      throw new CutpointError('CUT_INPUT', `A step has 1 to ${this.rowsPerStep} rows, not ${rows.length}.`);
    }
    for (const { sequence, input } of rows) this.requireInputs(sequence, [input]);
    const before = new Map(rows.map(({ sequence }) => [sequence, this.tokensOf(sequence)]));
    try {
      const places = await this.#place(rows);
      const wanted = rows.flatMap(({ wanted: is }, row) => (is ? [row] : []));
      await this.#bringStates(rows);
      await this.#gpu.run(this.#prepare(rows, places, wanted));
      return await this.#results(wanted, read);
    } catch (thrown) {
      for (const [sequence, tokens] of before) this.truncate(sequence, tokens);
      throw thrown;
    }
  }

  /** Different tokens of a draw's history at most. */
  get mostHistory(): number {
    return mostHistory(this.#config);
  }

  async #results(wanted: readonly number[], read: boolean): Promise<StepResult> {
    const { hiddenSize, vocabularySize } = this.#config;
    const last = wanted.at(-1);
    if (last === undefined) return { tokens: new Uint32Array(0), rows: [] };
    if (this.#head === undefined) {
      const states = new Float32Array(await this.#gpu.read(this.#buffers.hidden, 4 * (last + 1) * hiddenSize));
      return { tokens: new Uint32Array(0), rows: wanted.map((row) => rowOf(states, row, hiddenSize)) };
    }
    const tokens = new Uint32Array(await this.#gpu.read(this.#head.tokens, 4 * wanted.length));
    if (!read) return { tokens, rows: [] };
    const logits = new Float32Array(await this.#gpu.read(this.#head.logits, 4 * wanted.length * vocabularySize));
    return { tokens, rows: wanted.map((_, row) => rowOf(logits, row, vocabularySize)) };
  }

  /** @throws CutpointError CUT_INPUT where there are none, one is no token or hidden state of this model, or they are too many. */
  requireInputs(sequence: number, inputs: readonly RowInput[]): void {
    const { vocabularySize, hiddenSize } = this.#config;
    if (inputs.length === 0) throw new CutpointError('CUT_INPUT', 'A pass has at least one token.');
    for (const input of inputs) {
      if (typeof input !== 'number') {
        const numbers =
          'states' in input ? Math.min(hiddenSize, input.states.size / 4 - input.row * hiddenSize) : input.length;
        if (this.#embed === undefined && numbers === hiddenSize) continue;
        const due = this.#embed === undefined ? `a hidden state of ${hiddenSize} numbers` : 'a token';
        throw new CutpointError('CUT_INPUT', `A row is ${due}, but ${numbers} numbers were given.`);
      }
      if (this.#embed !== undefined && Number.isSafeInteger(input) && input >= 0 && input < vocabularySize) continue;
      throw new CutpointError('CUT_INPUT', `The token ${input} is not in the vocabulary of ${vocabularySize}.`);
    }
    this.#sequences.requireContext(sequence, inputs.length);
  }

  /** Gives each row its position. */
  async #place(rows: readonly StepRow[]): Promise<Uint32Array> {
    const places = new Uint32Array(2 * rows.length);
    const copies: PageCopy[] = [];
    const tables = new Map<number, number>();
    try {
      for (const [row, { sequence }] of rows.entries()) {
        const table = tables.get(sequence) ?? tables.size * this.#pagesPerRow;
        tables.set(sequence, table);
        places[2 * row] = this.tokensOf(sequence);
        places[2 * row + 1] = table;
        copies.push(...this.#sequences.extend(sequence, 1));
      }
      // Before anything is waited for, as a sequence that is cancelled meanwhile loses its pages.
      for (const [sequence, table] of tables) {
        this.#gpu.write(this.#buffers.pages, Uint32Array.from(this.#sequences.pagesOf(sequence)), 4 * table);
      }
    } finally {
      // Also where a later row finds no room: the sequence has its new page already.
      await this.#copyPages(copies);
    }
    return places;
  }

  async #copyPages(copies: readonly PageCopy[]): Promise<void> {
    if (copies.length === 0) return;
    const { kvHeads, headSize } = this.#config;
    const bytes = 4 * pageTokens * kvHeads * headSize;
    const spans = copies.map(({ from, to }) => ({ from: from * bytes, to: to * bytes, bytes }));
    for (const { keys, values } of this.#caches) {
      await this.#gpu.copyWithin(keys, spans);
      await this.#gpu.copyWithin(values, spans);
    }
  }

  #prepare(rows: readonly StepRow[], places: Uint32Array, wanted: readonly number[]): readonly Dispatch[] {
    const { step, places: placesBuffer, turns } = this.#buffers;
    this.#gpu.write(step, Uint32Array.of(rows.length));
    this.#gpu.write(placesBuffer, places);
    this.#gpu.write(turns, turnsAt(this.#frequencies, places));
    const layers = this.#layers.flatMap((layer) => layer(rows.length));
    const through: Dispatch[] = [...this.#begin(rows), ...layers];
    if (wanted.length === 0 || this.#head === undefined) return through;
    this.#gpu.write(this.#head.step, Uint32Array.of(wanted.length));
    this.#gpu.write(this.#head.which, Uint32Array.from(wanted));
    const drawn = this.#writeDraws(
      this.#head,
      wanted.map((row) => rows[row]?.draw),
    );
    return [...through, ...this.#head.dispatches(wanted.length, drawn)];
  }

  /** @returns whether any row is drawn. */
  #writeDraws(head: GpuHead, draws: readonly (Draw | undefined)[]): boolean {
    if (draws.every((draw) => draw === undefined)) return false;
    const packed = packDraws(draws);
    this.#gpu.write(head.draws, packed.draws);
    if (packed.histories.length > 0) this.#gpu.write(head.histories, packed.histories);
    return true;
  }

  /** Tokens are embedded; hidden states go where their embedding would. */
  #begin(rows: readonly StepRow[]): readonly Dispatch[] {
    const { tokens, hidden } = this.#buffers;
    const inputs = rows.map(({ input }) => input);
    if (this.#embed !== undefined) {
      this.#gpu.write(tokens, Uint32Array.from(inputs.filter((input) => typeof input === 'number')));
      return [{ bound: this.#embed, groups: [1, rows.length, 1] }];
    }
    const { hiddenSize } = this.#config;
    for (const [row, input] of inputs.entries()) {
      if (input instanceof Float32Array) this.#gpu.write(hidden, input, 4 * row * hiddenSize);
    }
    return [];
  }

  /** Hidden states that are on the GPU are copied there. */
  async #bringStates(rows: readonly StepRow[]): Promise<void> {
    const bytes = 4 * this.#config.hiddenSize;
    const parts = rows.flatMap(({ input }, at) =>
      typeof input === 'object' && 'states' in input
        ? [{ buffer: input.states, from: input.row * bytes, to: at * bytes, bytes }]
        : [],
    );
    if (parts.length > 0) await this.#gpu.copy(parts, this.#buffers.hidden);
  }
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

function rowOf(rows: Float32Array, row: number, size: number): Float32Array {
  return rows.subarray(row * size, (row + 1) * size);
}

function pagesPerRow({ contextTokens }: GpuDecoderConfig): number {
  return Math.ceil(contextTokens / pageTokens);
}

/** Cosine and sine of each pair of each row, of all ropes; computed in float64, as angles far into a text need it. */
function turnsAt(frequencies: readonly Float64Array[], places: Uint32Array): Float32Array {
  const turns: number[] = [];
  for (const own of frequencies) {
    for (let row = 0; row < places.length / 2; row++) {
      for (const frequency of own) {
        const angle = (places[2 * row] ?? 0) * frequency;
        turns.push(Math.cos(angle), Math.sin(angle));
      }
    }
  }
  return Float32Array.from(turns);
}
