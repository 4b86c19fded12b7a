/** On what the distribution of a symbol shall depend; defined in src/entropy/fixed.ts and bins.ts. */
import { log2Of } from './log2';

/** Ways of coding symbols: none, one or both of these added up. */
export const byClass = 1;
export const byNeighbours = 2;

const leastForEach = 16;
const sampleBlock = 256;
const sampleEvery = 4096;
const bitsOfFrequency = 6 * 256;

/** Where the second, third and fourth bin of symbols begin, less 1: a byte each. */
export const binStarts = memory.data(4);

/**
 * Sets `binStarts`.
 * @param counts room for four u32 for each symbol of the alphabet
 * @returns whether there are symbols enough for distributions by neighbours
 */
export function chooseBins(symbols: usize, count: i32, alphabet: i32, classes: i32, counts: usize): bool {
  const taken = countSample(symbols, count, alphabet, counts);
  let used: i64 = 0;
  for (let symbol = 0; symbol < alphabet; symbol++) if (countAt(counts, symbol) > 0) used++;
  const each = leastForEach * <i64>classes * used;
  const bins = <i64>count >= each * 16 ? 4 : <i64>count >= each * 4 ? 2 : 0;
  if (bins > 0) setBinStarts(counts, alphabet, taken, bins);
  return bins > 0;
}

function countAt(counts: usize, cell: i32): u32 {
  return load<u32>(counts + ((<usize>cell) << 2));
}

/** Counts all symbols if they are few, else some of every part; but of each part whole fours. @returns how many */
function countSample(symbols: usize, count: i32, alphabet: i32, counts: usize): i32 {
  // Four sets of counts, as what was just written is slow to read.
  const setBytes = (<usize>alphabet) << 2;
  memory.fill(counts, 0, 4 * setBytes);
  const block = count <= sampleEvery ? count : sampleBlock;
  let taken = 0;
  for (let from = 0; from < count; from += sampleEvery) {
    const some = min(block, count - from) & ~3;
    const end = symbols + from + some;
    for (let at = symbols + from; at < end; at += 4) {
      addOne(counts, load<u8>(at));
      addOne(counts + setBytes, load<u8>(at, 1));
      addOne(counts + 2 * setBytes, load<u8>(at, 2));
      addOne(counts + 3 * setBytes, load<u8>(at, 3));
    }
    taken += some;
  }
  for (let set = 3; set > 0; set--) addCounts(counts + <usize>set * setBytes, counts, alphabet);
  return taken;
}

function addOne(counts: usize, symbol: usize): void {
  const cell = counts + (symbol << 2);
  store<u32>(cell, load<u32>(cell) + 1);
}

function setBinStarts(counts: usize, alphabet: i32, all: i32, bins: i32): void {
  store<u32>(binStarts, 0xff_ff_ff_ff);
  let left = <f64>all;
  let symbol = 0;
  for (let bin = 1; bin < bins; bin++) {
    const share = left / <f64>(bins - bin + 1);
    let taken: f64 = 0;
    for (; symbol < alphabet; symbol++) {
      const more = <f64>countAt(counts, symbol);
      if (taken > 0 && taken + more - share > share - taken) break;
      taken += more;
    }
    if (symbol >= alphabet) break;
    store<u8>(binStarts + <usize>bin - 1, symbol - 1);
    left -= taken;
  }
}

/**
 * The way that seems to take the fewest bits.
 * @param counts of the symbols (u32) by class, and where `neighbours` within each class by what those tell; room for as many
 *   behind them, for `countsOf`
 */
export function cheapestWay(counts: usize, classes: i32, neighbours: bool, alphabet: i32): i32 {
  let best = 0;
  let least: u64 = u64.MAX_VALUE;
  // With neighbours come first, without classes before with: the first of equals is taken.
  for (let kind = neighbours ? byNeighbours : 0; kind >= 0; kind -= byNeighbours) {
    for (let own = 0; own <= (classes > 1 ? byClass : 0); own++) {
      const way = kind | own;
      const sums = countsOf(way, counts, classes, neighbours, alphabet);
      const bits = bitsOf(sums, contextsOf(way, classes) * alphabet, alphabet);
      if (bits >= least) continue;
      least = bits;
      best = way;
    }
  }
  return best;
}

/** Contexts of a way. */
export function contextsOf(way: i32, classes: i32): i32 {
  return (way & byClass ? classes : 1) * (way & byNeighbours ? 16 : 1);
}

/** The counts of a way, as sums of those that are there: see `cheapestWay`. @returns where they lie */
export function countsOf(way: i32, counts: usize, classes: i32, neighbours: bool, alphabet: i32): usize {
  const apart = neighbours ? 16 : 1;
  const kept = way & byNeighbours ? 16 : 1;
  if (kept === apart && (way & byClass || classes === 1)) return counts;
  const sums = counts + ((<usize>(classes * apart * alphabet)) << 2);
  memory.fill(sums, 0, (<usize>(contextsOf(way, classes) * alphabet)) << 2);
  for (let context = 0; context < classes * apart; context++) {
    const own = way & byClass ? context / apart : 0;
    const to = sums + ((<usize>((own * kept + (kept === 1 ? 0 : context % apart)) * alphabet)) << 2);
    addCounts(counts + ((<usize>(context * alphabet)) << 2), to, alphabet);
  }
  return sums;
}

function addCounts(counts: usize, sums: usize, alphabet: i32): void {
  const end = counts + ((<usize>alphabet) << 2);
  for (; counts < end; counts += 4, sums += 4) store<u32>(sums, load<u32>(sums) + load<u32>(counts));
}

/** About what the tables and the symbols under them take, in 1/256 bits. */
export function bitsOf(counts: usize, cells: i32, alphabet: i32): u64 {
  let bits: u64 = 0;
  for (let from = 0; from < cells; from += alphabet) {
    let total: u32 = 0;
    let each: u64 = 0;
    for (let cell = from; cell < from + alphabet; cell++) {
      const count = countAt(counts, cell);
      if (count === 0) continue;
      total += count;
      each += <u64>count * log2Of(count);
      bits += bitsOfFrequency;
    }
    if (total > 0) bits += <u64>total * log2Of(total) - each;
  }
  return bits;
}
