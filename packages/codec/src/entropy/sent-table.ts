import { damaged } from '../bytes.js';
import { slotCount } from '../kernels/symbols.js';
import { AdaptiveTables } from './adaptive.js';
import { RansDecoder, RansEncoder } from './rans.js';
import { frequenciesOf } from './table.js';

/** Models: one for each number of bits that a frequency may have. */
export const buckets = 16;
/** Bits kept behind the leading one of a frequency: an error of at most 1/16, which costs under 0.01 bits a symbol. */
const keptBits = 3;

/**
 * Tables of the symbols of each context as they are sent: coarser than what was counted. What tables look like is learnt
 * from one to the next.
 */
interface SentTables {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Context by context those of the alphabet, summing to `slotCount`, or all 0 where nothing was counted. */
  readonly frequencies: Uint16Array<ArrayBuffer>;
}

/** @param counts context by context. */
export function writeTables(counts: Uint32Array, alphabet: number): SentTables {
  const encoder = new RansEncoder();
  const models = new AdaptiveTables(buckets);
  const frequencies = new Uint16Array(counts.length);
  for (let from = 0; from < counts.length; from += alphabet) {
    const own = counts.subarray(from, from + alphabet);
    const used = own.some((count) => count > 0);
    encoder.putBits(used ? 1 : 0, 1);
    if (used) frequencies.set(writeTable(encoder, models, own), from);
  }
  return { bytes: encoder.finish(), frequencies };
}

/** The frequencies of `writeTables`. @throws CutpointError CUT_CODEC_PAYLOAD if it cannot have written this. */
export function readTables(bytes: Uint8Array, contexts: number, alphabet: number): Uint16Array<ArrayBuffer> {
  const decoder = new RansDecoder(bytes);
  const models = new AdaptiveTables(buckets);
  const frequencies = new Uint16Array(contexts * alphabet);
  for (let from = 0; from < frequencies.length; from += alphabet) {
    if (decoder.bits(1) === 1) frequencies.set(readTable(decoder, models, alphabet), from);
  }
  decoder.end();
  return frequencies;
}

function writeTable(encoder: RansEncoder, models: AdaptiveTables, counts: Uint32Array): Uint16Array {
  const frequencies = frequenciesOf(counts, slotCount);
  let before = 0;
  for (let symbol = 0; symbol < frequencies.length; symbol++) {
    const frequency = frequencies[symbol] as number;
    const bucket = 32 - Math.clz32(frequency);
    models.encode(encoder, before, bucket);
    before = bucket;
    const width = keptOf(bucket);
    const kept = frequency >> droppedOf(bucket);
    encoder.putBits(kept & ((1 << width) - 1), width);
    frequencies[symbol] = kept << droppedOf(bucket);
  }
  return frequenciesOf(frequencies, slotCount);
}

function readTable(decoder: RansDecoder, models: AdaptiveTables, alphabet: number): Uint16Array {
  const frequencies = new Uint16Array(alphabet);
  let before = 0;
  let any = 0;
  for (let symbol = 0; symbol < alphabet; symbol++) {
    const bucket = models.decode(decoder, before);
    any |= bucket;
    before = bucket;
    const width = keptOf(bucket);
    const mantissa = decoder.bits(width);
    frequencies[symbol] = bucket === 0 ? 0 : ((1 << width) | mantissa) << droppedOf(bucket);
  }
  if (any === 0) throw damaged('has a table of frequencies that is empty');
  return frequenciesOf(frequencies, slotCount);
}

/** How many bits stand behind the leading one of a frequency of so many bits. */
function keptOf(bits: number): number {
  return Math.max(0, Math.min(bits - 1, keptBits));
}

/** How many bits behind those are left away. */
function droppedOf(bits: number): number {
  return Math.max(0, bits - 1 - keptBits);
}
