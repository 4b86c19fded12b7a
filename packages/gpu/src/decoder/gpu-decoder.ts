import { CutpointError } from '@cutpoint/core';
import type { Gpu } from '../device/gpu.js';
import type { GpuDecoderConfig } from './decoder-config.js';
import { type DecoderParts, type GpuDecoderOptions, openDecoderParts } from './decoder-parts.js';
import type { DecoderWeights } from './decoder-weights.js';
import { type Draw, holdsPenalty } from './draw.js';
import { mostHistory } from './gpu-head.js';
import { placeRows } from './place-rows.js';
import { bringStates, prepareStep } from './prepare-step.js';
import type { RowInput, StepResult, StepRow } from './step-row.js';

/**
 * A decoder on a GPU, or some of its layers. Rows of a step may belong to different sequences, each at its own position, so that texts
 * join and leave between any two steps (continuous batching: Yu et al., Orca, OSDI 2022); keys and values lie in pages
 * (Kwon et al., PagedAttention, SOSP 2023). Steps run one after another.
 */
export class GpuDecoder {
  readonly rowsPerStep: number;
  readonly #parts: DecoderParts;

  private constructor(parts: DecoderParts) {
    this.rowsPerStep = parts.rowsPerStep;
    this.#parts = parts;
  }

  /** Puts a decoder on a GPU. @throws CutpointError as `openDecoderParts`. */
  static async open(
    gpu: Gpu,
    config: GpuDecoderConfig,
    weights: DecoderWeights,
    options: GpuDecoderOptions = {},
  ): Promise<GpuDecoder> {
    return new GpuDecoder(await openDecoderParts(gpu, config, weights, options));
  }

  /** How many tokens a sequence holds. */
  tokensOf(sequence: number): number {
    return this.#parts.sequences.tokensOf(sequence);
  }

  /** Pages of the cache that nobody has, and how many of them more tokens of a sequence take. */
  get freePages(): number {
    return this.#parts.sequences.freePages;
  }

  pagesFor(sequence: number, tokens: number): number {
    return this.#parts.sequences.pagesFor(sequence, tokens);
  }

  truncate(sequence: number, tokens: number): void {
    this.#parts.sequences.truncate(sequence, tokens);
  }

  clone(sequence: number, into: number, tokens: number): void {
    this.#parts.sequences.clone(sequence, into, tokens);
  }

  drop(sequence: number): void {
    this.#parts.sequences.drop(sequence);
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
      const places = await placeRows(this.#parts, rows);
      const wanted = rows.flatMap(({ wanted: is }, row) => (is ? [row] : []));
      await bringStates(this.#parts, rows);
      await this.#parts.gpu.run(prepareStep(this.#parts, rows, places, wanted));
      return await this.#results(wanted, read);
    } catch (thrown) {
      for (const [sequence, tokens] of before) this.truncate(sequence, tokens);
      throw thrown;
    }
  }

  /** Whether a token can be drawn here as it is asked for: there is room for so many different tokens, and f32 holds the penalty. */
  canDraw(draw: Draw): boolean {
    return draw.history.length <= mostHistory(this.#parts.config) && holdsPenalty(draw);
  }

  async #results(wanted: readonly number[], read: boolean): Promise<StepResult> {
    const { hiddenSize, vocabularySize } = this.#parts.config;
    const last = wanted.at(-1);
    if (last === undefined) return { tokens: new Uint32Array(0), rows: [] };
    if (this.#parts.head === undefined) {
      const states = new Float32Array(
        await this.#parts.gpu.read(this.#parts.buffers.hidden, 4 * (last + 1) * hiddenSize),
      );
      return { tokens: new Uint32Array(0), rows: wanted.map((row) => rowOf(states, row, hiddenSize)) };
    }
    const tokens = new Uint32Array(await this.#parts.gpu.read(this.#parts.head.tokens, 4 * wanted.length));
    if (!read) return { tokens, rows: [] };
    const logits = new Float32Array(
      await this.#parts.gpu.read(this.#parts.head.logits, 4 * wanted.length * vocabularySize),
    );
    return { tokens, rows: wanted.map((_, row) => rowOf(logits, row, vocabularySize)) };
  }

  /** @throws CutpointError CUT_INPUT where there are none, one is no token or hidden state of this model, or they are too many. */
  requireInputs(sequence: number, inputs: readonly RowInput[]): void {
    const { vocabularySize, hiddenSize } = this.#parts.config;
    if (inputs.length === 0) throw new CutpointError('CUT_INPUT', 'A pass has at least one token.');
    for (const input of inputs) {
      if (typeof input !== 'number') {
        const numbers =
          'states' in input ? Math.min(hiddenSize, input.states.size / 4 - input.row * hiddenSize) : input.length;
        if (this.#parts.embed === undefined && numbers === hiddenSize) continue;
        const due = this.#parts.embed === undefined ? `a hidden state of ${hiddenSize} numbers` : 'a token';
        throw new CutpointError('CUT_INPUT', `A row is ${due}, but ${numbers} numbers were given.`);
      }
      if (this.#parts.embed !== undefined && Number.isSafeInteger(input) && input >= 0 && input < vocabularySize)
        continue;
      throw new CutpointError('CUT_INPUT', `The token ${input} is not in the vocabulary of ${vocabularySize}.`);
    }
    this.#parts.sequences.requireContext(sequence, inputs.length);
  }
}

function rowOf(rows: Float32Array, row: number, size: number): Float32Array {
  return rows.subarray(row * size, (row + 1) * size);
}
