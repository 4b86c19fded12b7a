import { CutpointError } from '@cutpoint/core';
import { type RansDecoder, type RansEncoder, scale, scaleBits } from './rans.js';

export const coarseBits = 6;

/** Which slots of the scale the symbols 0 to `symbols - 1` own: a fixed distribution. */
export class StaticTable {
  readonly symbols: number;
  /** Where the slots of each symbol start, and the scale at the end. */
  readonly starts: Uint16Array;
  /** The symbol that owns the first slot of each 2^coarseBits: where to begin to look for the one that owns a slot. */
  readonly first: Uint16Array;

  /**
   * @param frequencies of the symbols, summing to the scale; a symbol of none cannot be coded.
   * @throws CutpointError CUT_CODEC_PAYLOAD if they do not.
   */
  constructor(frequencies: ArrayLike<number>) {
    this.symbols = frequencies.length;
    this.starts = new Uint16Array(frequencies.length + 1);
    let sum = 0;
    for (let s = 0; s < frequencies.length; s++) {
      this.starts[s] = sum;
      sum += frequencies[s] ?? 0;
      if (sum > scale) break;
    }
    if (sum !== scale) throw new CutpointError('CUT_CODEC_PAYLOAD', 'A table of frequencies has a wrong sum.');
    this.starts[frequencies.length] = sum;
    this.first = new Uint16Array(scale >>> coarseBits);
    let symbol = 0;
    for (let i = 0; i < this.first.length; i++) {
      while ((this.starts[symbol + 1] ?? scale) <= i << coarseBits) symbol++;
      this.first[i] = symbol;
    }
  }

  encode(encoder: RansEncoder, symbol: number): void {
    const start = this.starts[symbol] ?? scale;
    const frequency = (this.starts[symbol + 1] ?? scale) - start;
    if (frequency <= 0) throw new CutpointError('CUT_INTERNAL', `The symbol ${symbol} is not in the table.`);
    encoder.put(start, frequency);
  }

  decode(decoder: RansDecoder): number {
    const slot = decoder.slot;
    let symbol = this.first[slot >>> coarseBits] ?? 0;
    let end = this.starts[symbol + 1] ?? scale;
    while (end <= slot) end = this.starts[++symbol + 1] ?? scale;
    const start = this.starts[symbol] ?? 0;
    decoder.pass(start, end - start);
    return symbol;
  }

  /** Bits that a symbol costs; infinite if it is not in the table. For choosing, never for decoding. */
  bits(symbol: number): number {
    return scaleBits - Math.log2((this.starts[symbol + 1] ?? 0) - (this.starts[symbol] ?? 0));
  }
}

/**
 * Frequencies that sum to `total`, as near to the counts as integers allow; whatever has been counted gets at least
 * one. Integer arithmetic alone: a decoder gets the same from the same counts.
 * @param counts at most `total` of them above zero, one at least, their sum below 2^36.
 */
export function frequenciesOf(counts: ArrayLike<number>, total: number = scale): Uint16Array {
  const frequencies = new Uint16Array(counts.length);
  let sum = 0;
  let present = 0;
  for (let s = 0; s < counts.length; s++) {
    sum += counts[s] ?? 0;
    if ((counts[s] ?? 0) > 0) present++;
  }
  if (present === 0 || present > total) {
    throw new CutpointError('CUT_INTERNAL', `A table cannot be made of ${present} symbols.`);
  }
  // One slot for each, and the rest in proportion: no frequency has to be lowered afterwards.
  const rest = total - present;
  let given = 0;
  let largest = 0;
  for (let s = 0; s < counts.length; s++) {
    const count = counts[s] ?? 0;
    if (count === 0) continue;
    frequencies[s] = 1 + Math.floor((count * rest) / sum);
    given += frequencies[s] ?? 0;
    if (count > (counts[largest] ?? 0)) largest = s;
  }
  frequencies[largest] = (frequencies[largest] ?? 0) + total - given;
  return frequencies;
}
