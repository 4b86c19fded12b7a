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
  const { alphabet, classes, left } = layout;
  const count = symbols.length;
  const up = layout.up < count ? layout.up : left;
  const contexts = contextsOfClass * classes;
  const table = contexts * alphabet;
  const tableBytes = table * 4 + contexts * 2 + 4;
  const laneBytes = laneCount * (laneLength(count) + Math.min(laneLength(count), Math.max(left, up)));
  const streamBytes = count * 2 + stateBytes + tableBytes + 16;
  const room = roomFor(wasm, [
    count,
    classes > 1 ? count : 0,
    laneBytes,
    count * 2,
    table * 8,
    table * 2,
    wasm.run.adaptiveBytes(buckets),
    table * 24 + contexts * 12,
    tableBytes,
    table * 16,
    streamBytes,
  ]);
  if (room === undefined) return encodeInTypescript(symbols, layout);
  const { memory, at } = room;
  const [from, classesAt, lanes, cells, counts, frequencies, models, ops, tables, entries, stream] = at;
  memory.set(symbols, from);
  putClasses(wasm, memory, classesAt, symbols.length, layout);
  const end = stream + streamBytes;
  // One by one, as a call with an array spread takes a microsecond.
  const begin = wasm.run.encodeFixed(
    from,
    count,
    classes > 1 ? classesAt : 0,
    classes,
    alphabet,
    left,
    up,
    lanes,
    cells,
    counts,
    frequencies,
    models,
    ops,
    tables + tableBytes,
    entries,
    end,
  );
  return memory.slice(begin, end);
}

/** See `decodeFixed` in ../entropy/fixed.ts. */
export function decodeFixed(wasm: WasmInstance, bytes: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer> {
  const { count, alphabet } = layout;
  const head = readFixedHead(bytes, layout);
  const rest = restOf(head.symbols, count, alphabet);
  if (rest === undefined) throw changed();
  const { classes, neighbours } = head.contexts;
  const contexts = contextCount(head.contexts);
  const cells = contexts * alphabet;
  const length = laneLength(count);
  const [left, up] = [within(neighbours?.left, length), within(neighbours?.up, length)];
  const stepBytes = (length + Math.max(left, up) + 1) * 2 * laneCount;
  const room = roomFor(wasm, [
    head.tables.length,
    wasm.run.adaptiveBytes(buckets),
    alphabet * 4,
    cells * 2,
    cells * 4,
    contexts * slotCount * 2,
    classes > 1 ? count : 0,
    256,
    stepBytes,
    length * laneCount + 64,
    count,
    head.symbols.length,
  ]);
  if (room === undefined) return decodeInTypescript(bytes, layout);
  const { memory, at } = room;
  const [tables, models, scratch, frequencies, entries, slots, own, bins, marks, steps, symbols, stream] = at;
  memory.set(head.tables, tables);
  const { run } = wasm;
  if (!run.readTables(tables, head.tables.length, contexts, alphabet, frequencies, models, scratch)) throw corrupt();
  putClasses(wasm, memory, own, count, head.contexts);
  if (neighbours !== undefined) putArray(memory, bins, binsOf(neighbours.starts));
  memory.set(head.symbols.subarray(rest.length), stream);
  const isWhole = run.decodeSymbols(
    stream,
    head.symbols.length - rest.length,
    symbols,
    length,
    classes > 1 ? own : 0,
    left,
    up,
    neighbours === undefined ? 0 : bins,
    marks,
    steps,
    contexts,
    alphabet,
    frequencies,
    entries,
    slots,
  );
  if (isWhole !== 1) throw changed();
  memory.set(rest, symbols + count - rest.length);
  return memory.slice(symbols, symbols + count);
}

/** How many steps before a symbol its neighbour lies, 1 if it has none. What is further away than a lane is long lies in none. */
function within(steps = 1, length: number): number {
  return Math.max(1, Math.min(steps, length));
}

/** Writes the classes of all symbols, where there are several. */
function putClasses(
  { run }: WasmInstance,
  memory: Uint8Array<ArrayBuffer>,
  at: number,
  count: number,
  { own, classes }: Pick<SymbolContexts, 'own' | 'classes'>,
): void {
  if (classes === 1) return;
  if (own === undefined) run.putTurns(at, count, classes);
  else memory.set(own, at);
}

function changed() {
  return damaged('holds coded symbols that are cut short or changed');
}
