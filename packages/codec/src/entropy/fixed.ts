import { ByteReader, ByteWriter, damaged } from '../bytes.js';
import type { BinStarts } from '../kernels/bins.js';
import { contextCount, type Kernels, type SymbolContexts } from '../kernels/kernels.js';
import { binStartsOf } from './bins.js';
import type { SymbolLayout } from './layout.js';
import { log2Of } from './log2.js';

/** What the distribution of a symbol may depend on. */
export interface Dependence {
  readonly byClass: boolean;
  readonly byNeighbours: boolean;
}

interface Way extends Dependence {
  readonly starts?: BinStarts | undefined;
  /** Of the symbols of each context. */
  readonly counts: Uint32Array;
}

/** With fewer symbols for each number in the tables these would cost more than they save, in bytes and in time. */
const leastForEach = 16;

/** Codes symbols under distributions that are sent before them, for each context that seems worth it. */
export function encodeFixed(
  symbols: Uint8Array,
  layout: SymbolLayout,
  kernels: Kernels,
): Dependence & { readonly bytes: Uint8Array<ArrayBuffer> } {
  const { byClass, byNeighbours, starts, counts } = cheapest(waysOf(symbols, layout, kernels), layout.alphabet);
  const tables = kernels.writeTables(counts, layout.alphabet);
  const out = new ByteWriter();
  for (const start of starts ?? []) out.u8(start - 1);
  out.varint(tables.bytes.length);
  out.bytes(tables.bytes);
  out.bytes(kernels.encodeSymbols(symbols, contextsOf(layout, byClass, starts), tables.frequencies));
  return { byClass, byNeighbours, bytes: out.written() };
}

/** What `encodeFixed` was given. @throws CutpointError CUT_CODEC_PAYLOAD if the bytes are not what it gave. */
export function decodeFixed(
  bytes: Uint8Array,
  { byClass, byNeighbours }: Dependence,
  layout: SymbolLayout,
  kernels: Kernels,
): Uint8Array<ArrayBuffer> {
  const body = new ByteReader(bytes);
  const starts = byNeighbours ? ([body.u8() + 1, body.u8() + 1, body.u8() + 1] as const) : undefined;
  const contexts = contextsOf(layout, byClass, starts);
  const tables = kernels.readTables(body.bytes(body.varint(body.left)), contextCount(contexts), layout.alphabet);
  const symbols = kernels.decodeSymbols(body.bytes(body.left), layout.count, contexts, tables);
  if (symbols === undefined) throw damaged('holds coded symbols that are cut short or changed');
  return symbols;
}

function contextsOf(layout: SymbolLayout, byClass: boolean, starts: BinStarts | undefined): SymbolContexts {
  const { alphabet, count, left } = layout;
  const up = layout.up < count ? layout.up : left;
  return {
    alphabet,
    ...(byClass ? { own: layout.own, classes: layout.classes } : { classes: 1 }),
    neighbours: starts === undefined ? undefined : { left, up, starts },
  };
}

/** All ways for which there are symbols enough. All are counted once, in the most contexts, of which others are sums. */
function waysOf(symbols: Uint8Array, layout: SymbolLayout, kernels: Kernels): Way[] {
  const { alphabet, classes } = layout;
  const sample = kernels.countSymbols(sampleOf(symbols), { alphabet, classes: 1 });
  const used = sample.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  const bins = ([4, 2] as const).find((of) => symbols.length >= leastForEach * of ** 2 * classes * used);
  const starts = bins && binStartsOf(sample, bins);
  const counts = kernels.countSymbols(symbols, contextsOf(layout, true, starts));
  const together = summed(counts, counts.length / classes);
  const byNeighbours = starts !== undefined;
  const ways: Way[] = [{ byClass: false, byNeighbours, starts, counts: together }];
  if (classes > 1) ways.push({ byClass: true, byNeighbours, starts, counts });
  if (!byNeighbours) return ways;
  ways.push({ byClass: false, byNeighbours: false, counts: summed(together, alphabet) });
  if (classes > 1) ways.push({ byClass: true, byNeighbours: false, counts: summedWithin(counts, classes, alphabet) });
  return ways;
}

const sampleBlock = 256;
const sampleEvery = 16;

/** All symbols if they are few, else some of every part. */
function sampleOf(symbols: Uint8Array): Uint8Array {
  if (symbols.length <= sampleBlock * sampleEvery) return symbols;
  const sample = new Uint8Array(Math.ceil(symbols.length / sampleEvery) + sampleBlock);
  let taken = 0;
  for (let from = 0; from < symbols.length; from += sampleBlock * sampleEvery) {
    const block = symbols.subarray(from, from + sampleBlock);
    sample.set(block, taken);
    taken += block.length;
  }
  return sample.subarray(0, taken);
}

/** The sums of what is `period` apart. */
function summed(counts: Uint32Array, period: number): Uint32Array {
  if (counts.length === period) return counts;
  const sums = new Uint32Array(period);
  for (let from = 0; from < counts.length; from += period) {
    for (let i = 0; i < period; i++) sums[i] = (sums[i] as number) + (counts[from + i] as number);
  }
  return sums;
}

/** Of each class by itself, the sums over all contexts. */
function summedWithin(counts: Uint32Array, classes: number, alphabet: number): Uint32Array {
  const size = counts.length / classes;
  const sums = new Uint32Array(classes * alphabet);
  for (let c = 0; c < classes; c++) sums.set(summed(counts.subarray(c * size, (c + 1) * size), alphabet), c * alphabet);
  return sums;
}

function cheapest(ways: readonly Way[], alphabet: number): Way {
  const costs = ways.map(({ counts }) => bitsOf(counts, alphabet));
  const best = ways[costs.indexOf(Math.min(...costs))];
  if (best === undefined) throw new Error('There is one way at least.');
  return best;
}

/** About what the tables and the symbols under them take, in 1/256 bits. */
function bitsOf(counts: Uint32Array, alphabet: number): number {
  let bits = 0;
  for (let from = 0; from < counts.length; from += alphabet) {
    let total = 0;
    let each = 0;
    for (let cell = from; cell < from + alphabet; cell++) {
      const count = counts[cell] as number;
      if (count === 0) continue;
      total += count;
      each += count * log2Of(count);
      bits += bitsOfFrequency;
    }
    if (total > 0) bits += total * log2Of(total) - each;
  }
  return bits;
}

const bitsOfFrequency = 6 * 256;
