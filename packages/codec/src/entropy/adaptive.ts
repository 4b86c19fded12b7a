import { type RansDecoder, type RansEncoder, scale } from './rans.js';

const symbols = 16;
/** Slots that each symbol keeps however rare, so that it can always be coded. */
const floor = 4;

/**
 * Distributions over sixteen symbols that learn from what they code, one for each context (as the adaptive tables of AV1:
 * after a symbol, all bounds move towards it by a power of two that shrinks the step with experience). Encoder and
 * decoder learn alike.
 */
export class AdaptiveTables {
  /** Bounds of each context: 16 starts and the scale. */
  readonly #starts: Uint16Array;
  readonly #seen: Uint8Array;

  constructor(contexts: number) {
    this.#starts = new Uint16Array(contexts * (symbols + 1));
    this.#seen = new Uint8Array(contexts);
    for (let i = 0; i < this.#starts.length; i++) {
      this.#starts[i] = ((i % (symbols + 1)) * scale) / symbols;
    }
  }

  encode(encoder: RansEncoder, context: number, symbol: number): void {
    const base = context * (symbols + 1);
    const start = this.#starts[base + symbol] ?? 0;
    encoder.put(start, (this.#starts[base + symbol + 1] ?? scale) - start);
    this.#learn(context, symbol);
  }

  decode(decoder: RansDecoder, context: number): number {
    const base = context * (symbols + 1);
    const slot = decoder.slot;
    let symbol = 0;
    while ((this.#starts[base + symbol + 1] ?? scale) <= slot) symbol++;
    const start = this.#starts[base + symbol] ?? 0;
    decoder.pass(start, (this.#starts[base + symbol + 1] ?? scale) - start);
    this.#learn(context, symbol);
    return symbol;
  }

  #learn(context: number, symbol: number): void {
    const starts = this.#starts;
    const base = context * (symbols + 1);
    const seen = this.#seen[context] ?? 0;
    const shift = seen < 2 ? 2 : seen < 6 ? 3 : seen < 32 ? 4 : 5;
    if (seen < 255) this.#seen[context] = seen + 1;
    for (let s = 1; s < symbols; s++) {
      const start = starts[base + s] ?? 0;
      // Both ends of the way leave `floor` slots to every symbol.
      const goal = s > symbol ? scale - floor * (symbols - s) : floor * s;
      starts[base + s] = start + ((goal - start) >> shift);
    }
  }
}
