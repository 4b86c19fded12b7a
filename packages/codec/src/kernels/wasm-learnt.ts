import { decodeLearning as decodeInTypescript, encodeLearning as encodeInTypescript } from '../entropy/learnt.js';
import { corrupt } from '../entropy/rans.js';
import type { Classes } from './kernels.js';
import { roomFor, type WasmInstance } from './wasm-instance.js';

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
