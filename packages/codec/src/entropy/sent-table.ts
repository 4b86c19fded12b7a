import { CutpointError } from '@cutpoint/core';
import { AdaptiveTables } from './adaptive.js';
import type { RansDecoder, RansEncoder } from './rans.js';
import { frequenciesOf, StaticTable } from './table.js';

const buckets = 16;
/** Bits kept behind the leading one of a frequency: an error of at most 1/16, which costs under 0.01 bits a symbol. */
const keptBits = 3;

/** Writes and reads tables between the symbols of a stream, one after another; learns what tables look like. */
export class SentTables {
  readonly #models = new AdaptiveTables(buckets);

  /** Writes the table for these counts, and returns it as the decoder will see it; undefined if nothing was counted. */
  write(encoder: RansEncoder, counts: ArrayLike<number>): StaticTable | undefined {
    const used = Array.prototype.some.call(counts, (count: number) => count > 0);
    encoder.putBits(used ? 1 : 0, 1);
    if (!used) return undefined;
    const frequencies = frequenciesOf(counts);
    let before = 0;
    for (const [symbol, frequency] of frequencies.entries()) {
      const bucket = 32 - Math.clz32(frequency);
      this.#models.encode(encoder, before, bucket);
      before = bucket;
      const { width, shift } = mantissaOf(bucket);
      const mantissa = (frequency >> shift) & ((1 << width) - 1);
      encoder.putBits(mantissa, width);
      frequencies[symbol] = bucket === 0 ? 0 : ((1 << width) | mantissa) << shift;
    }
    return new StaticTable(frequenciesOf(frequencies));
  }

  /** @throws CutpointError CUT_CODEC_PAYLOAD if there is no table in what is read. */
  read(decoder: RansDecoder, symbols: number): StaticTable | undefined {
    if (decoder.bits(1) === 0) return undefined;
    const frequencies = new Uint16Array(symbols);
    let before = 0;
    for (let symbol = 0; symbol < symbols; symbol++) {
      const bucket = this.#models.decode(decoder, before);
      before = bucket;
      const { width, shift } = mantissaOf(bucket);
      const mantissa = decoder.bits(width);
      frequencies[symbol] = bucket === 0 ? 0 : ((1 << width) | mantissa) << shift;
    }
    if (frequencies.every((frequency) => frequency === 0)) {
      throw new CutpointError('CUT_CODEC_PAYLOAD', 'A table of frequencies in the payload is empty.');
    }
    return new StaticTable(frequenciesOf(frequencies));
  }
}

/** How many bits stand behind the leading one of a frequency of this bit length, and how far they are shifted. */
function mantissaOf(bucket: number): { width: number; shift: number } {
  const width = Math.max(0, Math.min(bucket - 1, keptBits));
  return { width, shift: Math.max(0, bucket - 1 - width) };
}
