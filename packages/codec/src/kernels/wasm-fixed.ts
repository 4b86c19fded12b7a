import { damaged } from '../bytes.js';
import {
  decodeFixed as decodeInTypescript,
  encodeFixed as encodeInTypescript,
  readFixedHead,
} from '../entropy/fixed.js';
import type { SymbolLayout } from '../entropy/layout.js';
import { corrupt } from '../entropy/rans.js';
import { buckets } from '../entropy/sent-table.js';
import { binsOf } from './bins.js';
import { contextCount, type SymbolContexts } from './kernels.js';
import { laneCount, laneLength } from './lanes.js';
import { restOf, slotCount, stateBytes } from './symbols.js';
import { putArray, roomFor, type WasmInstance } from './wasm-instance.js';

/*
 * In the module's memory there are zeros before each lane of symbols, for the neighbours that its first ones have not.
 * Symbols too many for the memory are left to the plain kernels, which give the same bytes.
 */

/** Contexts of each class where neighbours count. */
const contextsOfClass = 16;

/** See `encodeFixed` in ../entropy/fixed.ts. */
export function encodeFixed(wasm: WasmInstance, symbols: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer> {
  const { alphabet, classes, own, left } = layout;
  const count = symbols.length;
  const up = layout.up < count ? layout.up : left;
  const contexts = contextsOfClass * classes;
  const table = contexts * alphabet;
  const tableBytes = table * 4 + contexts * 2 + 4;
  const laneBytes = laneCount * (laneLength(count) + Math.min(laneLength(count), Math.max(left, up)));
  const streamBytes = count * 2 + stateBytes + tableBytes + 16;
  const room = roomFor(wasm, [
    ...([count, own?.length ?? 0, laneBytes, count * 2, table * 8, table * 2] as const),
    ...([wasm.run.adaptiveBytes(buckets), table * 8 + contexts * 4, tableBytes, table * 16, streamBytes] as const),
  ]);
  if (room === undefined) return encodeInTypescript(symbols, layout);
  const { memory, at } = room;
  const [from, classesAt, lanes, cells, counts, frequencies, models, ops, tables, entries, stream] = at;
  memory.set(symbols, from);
  if (own !== undefined) memory.set(own, classesAt);
  const end = stream + streamBytes;
  const begin = wasm.run.encodeFixed(
    ...([from, count, own === undefined ? 0 : classesAt, classes, alphabet, left, up, lanes, cells] as const),
    ...([counts, frequencies, models, ops, tables + tableBytes, entries, end] as const),
  );
  return memory.slice(begin, end);
}

/** See `decodeFixed` in ../entropy/fixed.ts. */
export function decodeFixed(wasm: WasmInstance, bytes: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer> {
  const { count, alphabet } = layout;
  const head = readFixedHead(bytes, layout);
  const rest = restOf(head.symbols, count, alphabet);
  if (rest === undefined) throw changed();
  const { own, neighbours } = head.contexts;
  const contexts = contextCount(head.contexts);
  const cells = contexts * alphabet;
  const margin = marginOf(count, head.contexts);
  const length = laneLength(count);
  const stride = length + margin;
  const room = roomFor(wasm, [
    ...([head.tables.length, wasm.run.adaptiveBytes(buckets), alphabet * 4, cells * 2, cells * 4] as const),
    ...([contexts * slotCount * 2, own?.length ?? 0, 256, laneCount * stride, count, head.symbols.length] as const),
  ]);
  if (room === undefined) return decodeInTypescript(bytes, layout);
  const { memory, at } = room;
  const [tables, models, scratch, frequencies, entries, slots, classes, bins, marks, symbols, stream] = at;
  memory.set(head.tables, tables);
  const tableRoom = [frequencies, models, scratch] as const;
  if (!wasm.run.readTables(tables, head.tables.length, contexts, alphabet, ...tableRoom)) throw corrupt();
  if (own !== undefined) memory.set(own, classes);
  if (neighbours !== undefined) putArray(memory, bins, binsOf(neighbours.starts));
  for (let lane = 0; lane < laneCount; lane++) memory.fill(0, marks + lane * stride, marks + lane * stride + margin);
  memory.set(head.symbols.subarray(rest.length), stream);
  const [left, up] = [Math.min(neighbours?.left ?? 0, margin), Math.min(neighbours?.up ?? 0, margin)];
  const isWhole = wasm.run.decodeSymbols(
    ...([stream, head.symbols.length - rest.length, symbols, length, stride] as const),
    ...([own === undefined ? 0 : classes, left, up, neighbours === undefined ? 0 : bins, marks + margin] as const),
    ...([contexts, alphabet, frequencies, entries, slots] as const),
  );
  if (isWhole !== 1) throw changed();
  memory.set(rest, symbols + count - rest.length);
  return memory.slice(symbols, symbols + count);
}

function changed() {
  return damaged('holds coded symbols that are cut short or changed');
}

/** Bytes before each lane. What is further away than a lane is long lies in none. */
function marginOf(count: number, { neighbours }: SymbolContexts): number {
  return neighbours === undefined ? 0 : Math.min(laneLength(count), Math.max(neighbours.left, neighbours.up));
}
