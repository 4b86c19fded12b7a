import { contextCount, type SymbolContexts } from './kernels.js';
import {
  countSymbols as countInTypescript,
  decodeSymbols as decodeInTypescript,
  encodeSymbols as encodeInTypescript,
  slotCount,
} from './symbols.js';
import { roomFor, type WasmInstance } from './wasm-instance.js';

/*
 * In the module's memory there are zeros before the first symbol, for the neighbours that it has not. Symbols too many for the
 * memory are left to the plain kernels, which give the same bytes.
 */

/** See `countSymbols` in symbols.ts. */
export function countSymbols(
  wasm: WasmInstance,
  symbols: Uint8Array,
  contexts: SymbolContexts,
): Uint32Array<ArrayBuffer> {
  const cells = contextCount(contexts) * contexts.alphabet;
  const room = roomFor(wasm, [...commonRoom(symbols.length, contexts), cells * 4]);
  if (room === undefined) return countInTypescript(symbols, contexts);
  const { memory, at } = room;
  const { first, own, left, up, bins } = place(memory, at, contexts);
  const counts = at[3];
  memory.set(symbols, first);
  memory.fill(0, counts, counts + cells * 4);
  wasm.run.countSymbols(first, symbols.length, own, left, up, bins, contexts.alphabet, counts);
  return new Uint32Array(memory.slice(counts, counts + cells * 4).buffer);
}

/** See `encodeSymbols` in symbols.ts. */
export function encodeSymbols(
  wasm: WasmInstance,
  symbols: Uint8Array,
  contexts: SymbolContexts,
  frequencies: Uint16Array,
): Uint8Array<ArrayBuffer> {
  const streamBytes = symbols.length * 2 + 10;
  const sizes = [frequencies.length * 2, frequencies.length * 8, streamBytes] as const;
  const room = roomFor(wasm, [...commonRoom(symbols.length, contexts), ...sizes]);
  if (room === undefined) return encodeInTypescript(symbols, contexts, frequencies);
  const { memory, at } = room;
  const { first, own, left, up, bins } = place(memory, at, contexts);
  const [, , , table, entries, stream] = at;
  memory.set(symbols, first);
  memory.set(new Uint8Array(frequencies.buffer, frequencies.byteOffset, frequencies.byteLength), table);
  const { alphabet } = contexts;
  const { length } = symbols;
  const end = stream + streamBytes;
  const count = contextCount(contexts);
  const from = wasm.run.encodeSymbols(first, length, own, left, up, bins, count, alphabet, table, entries, end);
  return memory.slice(from, end);
}

/** See `decodeSymbols` in symbols.ts. */
export function decodeSymbols(
  wasm: WasmInstance,
  bytes: Uint8Array,
  length: number,
  contexts: SymbolContexts,
  frequencies: Uint16Array,
): Uint8Array<ArrayBuffer> | undefined {
  if (bytes.length < 8 || bytes.length % 2 !== 0) return undefined;
  const count = contextCount(contexts);
  const tableSizes = [frequencies.length * 2, frequencies.length * 4, count * slotCount * 2] as const;
  const room = roomFor(wasm, [...commonRoom(length, contexts), ...tableSizes, length, bytes.length]);
  if (room === undefined) return decodeInTypescript(bytes, length, contexts, frequencies);
  const { memory, at } = room;
  // What is before the symbols is for their bins here.
  const { first: marks, own, left, up, bins } = place(memory, at, contexts);
  const [, , , table, entries, slots, symbols, stream] = at;
  memory.set(new Uint8Array(frequencies.buffer, frequencies.byteOffset, frequencies.byteLength), table);
  memory.set(bytes, stream);
  const whole = wasm.run.decodeSymbols(
    ...([stream, bytes.length, symbols, length, own, left, up, bins, marks] as const),
    ...([count, contexts.alphabet, table, entries, slots] as const),
  );
  return whole === 1 ? memory.slice(symbols, symbols + length) : undefined;
}

/** Bytes for the symbols with what is before them, their own classes, and the bins. */
function commonRoom(count: number, contexts: SymbolContexts): readonly [number, number, number] {
  return [marginOf(contexts) + count, contexts.own?.length ?? 0, 256];
}

function marginOf({ neighbours }: SymbolContexts): number {
  return neighbours === undefined ? 0 : Math.max(neighbours.left, neighbours.up);
}

/** Writes what is before the symbols, their classes and the bins; gives addresses, 0 for what there is not. */
function place(
  memory: Uint8Array,
  [symbols, own, bins]: readonly [number, number, number, ...number[]],
  contexts: SymbolContexts,
) {
  const { neighbours } = contexts;
  const first = symbols + marginOf(contexts);
  memory.fill(0, symbols, first);
  if (contexts.own !== undefined) memory.set(contexts.own, own);
  if (neighbours !== undefined) memory.set(neighbours.bins, bins);
  return {
    first,
    own: contexts.own === undefined ? 0 : own,
    left: neighbours?.left ?? 0,
    up: neighbours?.up ?? 0,
    bins: neighbours === undefined ? 0 : bins,
  };
}
