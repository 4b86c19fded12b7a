import { binsOf } from './bins.js';
import { contextCount, type SymbolContexts } from './kernels.js';
import { laneCount, laneLength, restCount } from './lanes.js';
import {
  countSymbols as countInTypescript,
  decodeSymbols as decodeInTypescript,
  encodeSymbols as encodeInTypescript,
  restOf,
  slotCount,
  stateBytes,
} from './symbols.js';
import { roomFor, type WasmInstance } from './wasm-instance.js';

/*
 * In the module's memory there are zeros before each lane of symbols, for the neighbours that its first ones have not.
 * Symbols too many for the memory are left to the plain kernels, which give the same bytes.
 */

/** See `countSymbols` in symbols.ts. */
export function countSymbols(
  wasm: WasmInstance,
  symbols: Uint8Array,
  contexts: SymbolContexts,
): Uint32Array<ArrayBuffer> {
  const tableCells = contextCount(contexts) * contexts.alphabet;
  const room = roomFor(wasm, [...cellRoom(symbols.length, contexts), tableCells * 4, tableCells * 4]);
  if (room === undefined) return countInTypescript(symbols, contexts);
  const { memory, at } = room;
  const [, , , cells, counts, second] = at;
  findCells(wasm, memory, at, symbols, contexts);
  wasm.run.countCells(cells, laneCount * laneLength(symbols.length), tableCells, counts, second);
  return new Uint32Array(memory.slice(counts, counts + tableCells * 4).buffer);
}

/** See `encodeSymbols` in symbols.ts. */
export function encodeSymbols(
  wasm: WasmInstance,
  symbols: Uint8Array,
  contexts: SymbolContexts,
  frequencies: Uint16Array,
): Uint8Array<ArrayBuffer> {
  const streamBytes = symbols.length * 2 + stateBytes + 2;
  const sizes = [frequencies.length * 2, frequencies.length * 16, streamBytes] as const;
  const room = roomFor(wasm, [...cellRoom(symbols.length, contexts), ...sizes]);
  if (room === undefined) return encodeInTypescript(symbols, contexts, frequencies);
  const { memory, at } = room;
  const [, , , cells, table, entries, stream] = at;
  findCells(wasm, memory, at, symbols, contexts);
  memory.set(new Uint8Array(frequencies.buffer, frequencies.byteOffset, frequencies.byteLength), table);
  const length = laneLength(symbols.length);
  const end = stream + streamBytes;
  const count = contextCount(contexts);
  const from = wasm.run.encodeCells(cells, length, length * 2, count, contexts.alphabet, table, entries, end);
  const rest = restCount(symbols.length);
  memory.set(symbols.subarray(symbols.length - rest), from - rest);
  return memory.slice(from - rest, end);
}

/** See `decodeSymbols` in symbols.ts. */
export function decodeSymbols(
  wasm: WasmInstance,
  bytes: Uint8Array,
  count: number,
  contexts: SymbolContexts,
  frequencies: Uint16Array,
): Uint8Array<ArrayBuffer> | undefined {
  const { alphabet, neighbours } = contexts;
  const rest = restOf(bytes, count, alphabet);
  if (rest === undefined) return undefined;
  const contextsInAll = contextCount(contexts);
  const tableSizes = [frequencies.length * 2, frequencies.length * 4, contextsInAll * slotCount * 2] as const;
  const room = roomFor(wasm, [...laneRoom(count, contexts), ...tableSizes, count, bytes.length]);
  if (room === undefined) return decodeInTypescript(bytes, count, contexts, frequencies);
  const { memory, at } = room;
  const [, , bins, table, entries, slots, symbols, stream] = at;
  const { first: marks, length, stride, own, left, up } = putContexts(memory, at, count, contexts);
  if (neighbours !== undefined) memory.set(binsOf(neighbours.starts), bins);
  memory.set(new Uint8Array(frequencies.buffer, frequencies.byteOffset, frequencies.byteLength), table);
  memory.set(bytes.subarray(rest.length), stream);
  const whole = wasm.run.decodeSymbols(
    ...([stream, bytes.length - rest.length, symbols, length, stride, own, left, up] as const),
    ...([neighbours === undefined ? 0 : bins, marks, contextsInAll, alphabet, table, entries, slots] as const),
  );
  memory.set(rest, symbols + count - rest.length);
  return whole === 1 ? memory.slice(symbols, symbols + count) : undefined;
}

type LaneRoom = readonly [symbols: number, own: number, bins: number];

/** Bytes for the lanes with what is before each, for the classes, and for the bins. */
function laneRoom(count: number, contexts: SymbolContexts): LaneRoom {
  return [laneCount * (laneLength(count) + marginOf(count, contexts)), contexts.own?.length ?? 0, 256];
}

function cellRoom(count: number, contexts: SymbolContexts): readonly [...LaneRoom, cells: number] {
  return [...laneRoom(count, contexts), count * 2];
}

/** Bytes before each lane. What is further away than a lane is long lies in none. */
function marginOf(count: number, { neighbours }: SymbolContexts): number {
  return neighbours === undefined ? 0 : Math.min(laneLength(count), Math.max(neighbours.left, neighbours.up));
}

/** Writes what is before the lanes, and the classes; gives addresses and distances, 0 for what there is not. */
function putContexts(
  memory: Uint8Array,
  [lanes, own]: readonly [...LaneRoom, ...number[]],
  count: number,
  contexts: SymbolContexts,
) {
  const { neighbours } = contexts;
  const margin = marginOf(count, contexts);
  const length = laneLength(count);
  const stride = length + margin;
  for (let lane = 0; lane < laneCount; lane++) memory.fill(0, lanes + lane * stride, lanes + lane * stride + margin);
  if (contexts.own !== undefined) memory.set(contexts.own, own);
  return {
    first: lanes + margin,
    length,
    stride,
    own: contexts.own === undefined ? 0 : own,
    left: Math.min(neighbours?.left ?? 0, margin),
    up: Math.min(neighbours?.up ?? 0, margin),
  };
}

/** Writes the cells of all symbols in lanes, lane after lane. */
function findCells(
  { run }: WasmInstance,
  memory: Uint8Array,
  at: readonly [...LaneRoom, cells: number, ...number[]],
  symbols: Uint8Array,
  contexts: SymbolContexts,
): void {
  const { first, length, stride, own, left, up } = putContexts(memory, at, symbols.length, contexts);
  const [, , bins, cells] = at;
  const starts = contexts.neighbours === undefined ? 0 : bins;
  if (contexts.neighbours !== undefined)
    memory.set(
      contexts.neighbours.starts.map((start) => start - 1),
      bins,
    );
  for (let lane = 0; lane < laneCount; lane++) {
    const place = first + lane * stride;
    memory.set(symbols.subarray(lane * length, (lane + 1) * length), place);
    const classes = own === 0 ? 0 : own + lane * length;
    run.findCells(place, length, classes, left, up, starts, contexts.alphabet, cells + lane * length * 2);
  }
}
