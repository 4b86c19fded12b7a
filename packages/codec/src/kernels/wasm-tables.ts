import { decodeLearning as decodeInTypescript, encodeLearning as encodeInTypescript } from '../entropy/learnt.js';
import { corrupt } from '../entropy/rans.js';
import { buckets, readTables as readInTypescript, writeTables as writeInTypescript } from '../entropy/sent-table.js';
import type { Classes, SentTables } from './kernels.js';
import { putArray, roomFor, type WasmInstance } from './wasm-instance.js';

/** See `encodeLearning` in ../entropy/learnt.ts. */
export function encodeLearning(
  wasm: WasmInstance,
  symbols: Uint8Array,
  kinds: Classes,
  alphabet: number,
): Uint8Array<ArrayBuffer> {
  const { own, classes } = kinds;
  const { length } = symbols;
  const mostBytes = length * 4 + 4;
  const sizes = [length, own?.length ?? 0, wasm.run.learningBytes(classes), length * 8, mostBytes] as const;
  const room = roomFor(wasm, sizes);
  if (room === undefined) return encodeInTypescript(symbols, kinds, alphabet);
  const { memory, at } = room;
  const [from, ownAt, tables, ops, bytes] = at;
  memory.set(symbols, from);
  if (own !== undefined) memory.set(own, ownAt);
  const end = bytes + mostBytes;
  const classesAt = own === undefined ? 0 : ownAt;
  return memory.slice(wasm.run.encodeLearning(from, length, classesAt, classes, alphabet, tables, ops, end), end);
}

/** See `decodeLearning` in ../entropy/learnt.ts. */
export function decodeLearning(
  wasm: WasmInstance,
  bytes: Uint8Array,
  count: number,
  kinds: Classes,
  alphabet: number,
): Uint8Array<ArrayBuffer> {
  const { own, classes } = kinds;
  const sizes = [bytes.length, count, own?.length ?? 0, wasm.run.learningBytes(classes)] as const;
  const room = roomFor(wasm, sizes);
  if (room === undefined) return decodeInTypescript(bytes, count, kinds, alphabet);
  const { memory, at } = room;
  const [from, symbols, ownAt, tables] = at;
  memory.set(bytes, from);
  if (own !== undefined) memory.set(own, ownAt);
  const classesAt = own === undefined ? 0 : ownAt;
  if (!wasm.run.decodeLearning(from, bytes.length, symbols, count, classesAt, classes, alphabet, tables)) {
    throw corrupt();
  }
  return memory.slice(symbols, symbols + count);
}

/** See `writeTables` in ../entropy/sent-table.ts. */
export function writeTables(wasm: WasmInstance, counts: Uint32Array, alphabet: number): SentTables {
  const contexts = counts.length / alphabet;
  const mostBytes = counts.length * 4 + contexts * 2 + 4;
  const opBytes = counts.length * 8 + contexts * 4;
  const modelBytes = wasm.run.adaptiveBytes(buckets);
  const room = roomFor(wasm, [counts.byteLength, counts.length * 2, modelBytes, opBytes, mostBytes]);
  if (room === undefined) return writeInTypescript(counts, alphabet);
  const { memory, at } = room;
  const [from, frequencies, models, ops, bytes] = at;
  putArray(memory, from, counts);
  const end = bytes + mostBytes;
  const begin = wasm.run.writeTables(from, contexts, alphabet, frequencies, models, ops, end);
  return { bytes: memory.slice(begin, end), frequencies: takeFrequencies(memory, frequencies, counts.length) };
}

/** See `readTables` in ../entropy/sent-table.ts. */
export function readTables(
  wasm: WasmInstance,
  bytes: Uint8Array,
  contexts: number,
  alphabet: number,
): Uint16Array<ArrayBuffer> {
  const cells = contexts * alphabet;
  const room = roomFor(wasm, [bytes.length, cells * 2, wasm.run.adaptiveBytes(buckets), alphabet * 4]);
  if (room === undefined) return readInTypescript(bytes, contexts, alphabet);
  const { memory, at } = room;
  const [from, frequencies, models, scratch] = at;
  memory.set(bytes, from);
  if (!wasm.run.readTables(from, bytes.length, contexts, alphabet, frequencies, models, scratch)) throw corrupt();
  return takeFrequencies(memory, frequencies, cells);
}

function takeFrequencies(memory: Uint8Array<ArrayBuffer>, at: number, count: number): Uint16Array<ArrayBuffer> {
  return new Uint16Array(memory.slice(at, at + count * 2).buffer);
}
