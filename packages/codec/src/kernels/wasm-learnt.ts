import type { SymbolLayout } from '../entropy/layout.js';
import { decodeLearning as decodeInTypescript, encodeLearning as encodeInTypescript } from '../entropy/learnt.js';
import { byteOf } from '../entropy/methods.js';
import { corrupt } from '../entropy/rans.js';
import { roomFor, type WasmInstance } from './wasm-instance.js';

/** See `encodeLearning` in ../entropy/learnt.ts. */
export function encodeLearning(wasm: WasmInstance, symbols: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer> {
  const { own, classes, alphabet } = layout;
  const { length } = symbols;
  const mostBytes = length * 5 + 6;
  const learnt = wasm.run.learningBytes(classes);
  const sizes = [length, own?.length ?? 0, learnt, length * 24, alphabet * 4, mostBytes] as const;
  const room = roomFor(wasm, sizes);
  if (room === undefined) return encodeInTypescript(symbols, layout);
  const { memory, at } = room;
  const [from, ownAt, tables, ops, counts, bytes] = at;
  memory.set(symbols, from);
  if (own !== undefined) memory.set(own, ownAt);
  const end = bytes + mostBytes;
  const classesAt = own === undefined ? 0 : ownAt;
  const begin = wasm.run.encodeLearning(from, length, classesAt, classes, alphabet, tables, ops, counts, end) - 1;
  memory[begin] = byteOf('learnt');
  return memory.slice(begin, end);
}

/** See `decodeLearning` in ../entropy/learnt.ts. */
export function decodeLearning(wasm: WasmInstance, bytes: Uint8Array, layout: SymbolLayout): Uint8Array<ArrayBuffer> {
  const { count, own, classes, alphabet } = layout;
  const sizes = [bytes.length, count, own?.length ?? 0, wasm.run.learningBytes(classes)] as const;
  const room = roomFor(wasm, sizes);
  if (room === undefined) return decodeInTypescript(bytes, layout);
  const { memory, at } = room;
  const [from, symbols, ownAt, tables] = at;
  memory.set(bytes, from);
  if (own !== undefined) memory.set(own, ownAt);
  const classesAt = own === undefined ? 0 : ownAt;
  const { run } = wasm;
  if (!run.decodeLearning(from + 1, bytes.length - 1, symbols, count, classesAt, classes, alphabet, tables)) {
    throw corrupt();
  }
  return memory.slice(symbols, symbols + count);
}
