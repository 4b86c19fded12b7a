/** Tables of frequencies as they are sent; defined in src/entropy/sent-table.ts, and `frequenciesOf` in table.ts there. */
import { Adaptive, clearTables, decodeAdaptive } from './adaptive';
import { beginStream, endStream, finishOps, opOfBits, takeBits } from './rans';

const slotCount: u32 = 1 << 12;
const buckets = 16;
const keptBits = 3;

/** Frequencies of the slots from counts (u32), one of them above 0 at least. */
function frequenciesOf(counts: usize, alphabet: i32, frequencies: usize): void {
  let sum: u64 = 0;
  let present: u32 = 0;
  for (let symbol = 0; symbol < alphabet; symbol++) {
    const count = load<u32>(counts + ((<usize>symbol) << 2));
    sum += count;
    if (count > 0) present++;
  }
  const rest: u64 = slotCount - present;
  const each = <f64>rest / <f64>sum;
  let given: u32 = 0;
  let largest: usize = 0;
  for (let symbol: usize = 0; symbol < <usize>alphabet; symbol++) {
    const count = load<u32>(counts + (symbol << 2));
    let frequency: u32 = 0;
    if (count > 0) {
      frequency = 1 + <u32>share(<u64>count * rest, sum, <f64>count * each);
      given += frequency;
      if (count > load<u32>(counts + (largest << 2))) largest = symbol;
    }
    store<u16>(frequencies + (symbol << 1), frequency);
  }
  const most = frequencies + (largest << 1);
  store<u16>(most, load<u16>(most) + slotCount - given);
}

/** A quotient of whole numbers, from one that is nearly it: dividing takes long. */
function share(number: u64, by: u64, nearly: f64): u64 {
  const quotient = <u64>nearly;
  if (quotient * by > number) return quotient - 1;
  return (quotient + 1) * by > number ? quotient : quotient + 1;
}

/** How many bits stand behind the leading one of a frequency of so many bits. */
function keptOf(bits: i32): i32 {
  return max(0, min(bits - 1, keptBits));
}

/** How many bits behind those are left away. */
function droppedOf(bits: i32): i32 {
  return max(0, bits - 1 - keptBits);
}

/**
 * @param counts u32, which are overwritten
 * @param models room for the bytes of `buckets` tables (adaptive.ts)
 * @param ops room for 24 bytes for each count, and twelve for each context
 * @param end where the bytes shall end; up to four for each count, two for each context and four more are written
 * @returns where they begin
 */
export function writeTables(
  counts: usize,
  contexts: i32,
  alphabet: i32,
  frequencies: usize,
  models: usize,
  ops: usize,
  end: usize,
): usize {
  clearTables(models, buckets);
  let op = ops;
  for (let context = 0; context < contexts; context++) {
    const used = hasAny(counts, alphabet);
    store<u32>(op, opOfBits(used ? 1 : 0, 1));
    op += 4;
    if (used) op = writeTable(counts, alphabet, frequencies, models, op);
    else memory.fill(frequencies, 0, (<usize>alphabet) << 1);
    counts += (<usize>alphabet) << 2;
    frequencies += (<usize>alphabet) << 1;
  }
  return finishOps(ops, <i32>((op - ops) >> 2), end);
}

function hasAny(counts: usize, alphabet: i32): bool {
  for (let symbol = 0; symbol < alphabet; symbol++) if (load<u32>(counts + ((<usize>symbol) << 2)) > 0) return true;
  return false;
}

/** @returns where the next op goes */
function writeTable(counts: usize, alphabet: i32, frequencies: usize, models: usize, op: usize): usize {
  frequenciesOf(counts, alphabet, frequencies);
  let before: usize = 0;
  for (let symbol = 0; symbol < alphabet; symbol++) {
    const frequency: u32 = load<u16>(frequencies + ((<usize>symbol) << 1));
    const bucket: i32 = 32 - clz<i32>(frequency);
    store<u32>(op, Adaptive.encode(models, before, <usize>bucket));
    op += 4;
    before = <usize>bucket;
    const width = keptOf(bucket);
    const kept = frequency >> droppedOf(bucket);
    if (width > 0) {
      store<u32>(op, opOfBits(kept & ((1 << width) - 1), width));
      op += 4;
    }
    store<u32>(counts + ((<usize>symbol) << 2), kept << droppedOf(bucket));
  }
  frequenciesOf(counts, alphabet, frequencies);
  return op;
}

/** @param scratch room for a u32 for each symbol of the alphabet @returns 1, or 0 if `writeTables` cannot have written the bytes */
export function readTables(
  bytes: usize,
  length: i32,
  contexts: i32,
  alphabet: i32,
  frequencies: usize,
  models: usize,
  scratch: usize,
): i32 {
  if (!beginStream(bytes, length)) return 0;
  clearTables(models, buckets);
  for (let context = 0; context < contexts; context++, frequencies += (<usize>alphabet) << 1) {
    if (takeBits(1) === 0) memory.fill(frequencies, 0, (<usize>alphabet) << 1);
    else if (!readTable(alphabet, frequencies, models, scratch)) return 0;
  }
  return endStream() ? 1 : 0;
}

function readTable(alphabet: i32, frequencies: usize, models: usize, counts: usize): bool {
  let before: usize = 0;
  let any: i32 = 0;
  for (let symbol = 0; symbol < alphabet; symbol++) {
    const bucket = decodeAdaptive(models, before);
    any |= bucket;
    before = <usize>bucket;
    const width = keptOf(bucket);
    const mantissa = takeBits(width);
    const count = bucket === 0 ? 0 : ((1 << width) | mantissa) << droppedOf(bucket);
    store<u32>(counts + ((<usize>symbol) << 2), count);
  }
  if (any === 0) return false;
  frequenciesOf(counts, alphabet, frequencies);
  return true;
}
