import { ByteReader, ByteWriter, damaged } from '../bytes.js';
import type { BinStarts } from '../kernels/bins.js';
import { contextCount, type SymbolContexts } from '../kernels/kernels.js';
import { countSymbols, decodeSymbols, encodeSymbols } from '../kernels/symbols.js';
import { binStartsOf } from './bins.js';
import type { SymbolLayout } from './layout.js';
import { log2Of } from './log2.js';
import { fixedMethodOf, methodOf } from './methods.js';
import { readTables, writeTables } from './sent-table.js';

interface Way {
  readonly byClass: boolean;
  readonly byNeighbours: boolean;
  readonly starts?: BinStarts | undefined;
  /** Of the symbols of each context. */
  readonly counts: Uint32Array;
}

/** With fewer symbols for each number in the tables these would cost more than they save, in bytes and in time. */
const leastForEach = 16;

/**
 * Codes symbols under distributions that are sent before them, for each context that seems worth it: the byte of the method,
 * the starts of the bins of neighbours less 1, the tables after their length, and the symbols.
 */
export function encodeFixed(symbols: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer> {
  const { byClass, byNeighbours, starts, counts } = cheapest(waysOf(symbols, layout), layout.alphabet);
  const tables = writeTables(counts, layout.alphabet);
  const out = new ByteWriter();
  out.u8(fixedMethodOf(byClass, byNeighbours));
  for (const start of starts ?? []) out.u8(start - 1);
  out.varint(tables.bytes.length);
  out.bytes(tables.bytes);
  out.bytes(encodeSymbols(symbols, contextsOf(layout, byClass, starts), tables.frequencies));
  return out.written();
}

/** What stands before the coded symbols. */
export interface FixedHead {
  readonly contexts: SymbolContexts;
  readonly tables: Uint8Array;
  readonly symbols: Uint8Array;
}

/** Takes apart what `encodeFixed` gave. @throws CutpointError CUT_CODEC_PAYLOAD if it is cut short. */
export function readFixedHead(bytes: Uint8Array, layout: SymbolLayout): FixedHead {
  const body = new ByteReader(bytes);
  const method = methodOf(body.u8());
  const byClass = method === 'fixedByClass' || method === 'fixedByBoth';
  const byNeighbours = method === 'fixedByNeighbours' || method === 'fixedByBoth';
  const starts = byNeighbours ? ([body.u8() + 1, body.u8() + 1, body.u8() + 1] as const) : undefined;
  const tables = body.bytes(body.varint(body.left));
  return { contexts: contextsOf(layout, byClass, starts), tables, symbols: body.bytes(body.left) };
}

/** What `encodeFixed` was given. @throws CutpointError CUT_CODEC_PAYLOAD if the bytes are not what it gave. */
export function decodeFixed(bytes: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer> {
  const { contexts, tables, symbols } = readFixedHead(bytes, layout);
  const frequencies = readTables(tables, contextCount(contexts), layout.alphabet);
  const decoded = decodeSymbols(symbols, layout.count, contexts, frequencies);
  if (decoded === undefined) throw damaged('holds coded symbols that are cut short or changed');
  return decoded;
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
function waysOf(symbols: Uint8Array, layout: SymbolLayout): Way[] {
  const { alphabet, classes } = layout;
  const sample = countSymbols(sampleOf(symbols), { alphabet, classes: 1 });
  const used = sample.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  const bins = ([4, 2] as const).find((of) => symbols.length >= leastForEach * of ** 2 * classes * used);
  const starts = bins && binStartsOf(sample, bins);
  const counts = countSymbols(symbols, contextsOf(layout, true, starts));
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
export function bitsOf(counts: Uint32Array, alphabet: number): number {
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
