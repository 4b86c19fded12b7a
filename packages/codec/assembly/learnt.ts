/** Few symbols under distributions that learn from them; defined in src/entropy/learnt.ts. */
import { Adaptive, adaptiveBytes, clearTables, decodeAdaptive } from './adaptive';
import { beginStream, endStream, finishOps } from './rans';
import { bitsOf } from './ways';

/** Symbols from here on go as two halves. */
const mostWhole = 16;
const plainBits = 8 * 256;

/** Bytes of the tables for so many classes. */
export function learningBytes(classes: i32): usize {
  return adaptiveBytes(classes * 17);
}

/**
 * @param own the classes of the symbols, 0 if they take them in turn
 * @param tables room for `learningBytes`
 * @param ops room for 24 bytes for each symbol
 * @param counts room for a u32 for each symbol of the alphabet
 * @param end where the bytes shall end; up to five for each symbol and five more are written
 * @returns where they begin
 */
export function encodeLearning(
  symbols: usize,
  count: i32,
  own: usize,
  classes: i32,
  alphabet: i32,
  tables: usize,
  ops: usize,
  counts: usize,
  end: usize,
): usize {
  const mayBePlain = !own && classes > 1;
  const plain = mayBePlain ? findPlain(symbols, count, classes, alphabet, counts) : 0;
  clearTables(tables, classes * 17);
  const lower = tables + adaptiveBytes(classes);
  let op = ops;
  for (let i = 0, inTurn = 0; i < count; i++) {
    const context = own ? <i32>load<u8>(own + i) : inTurn;
    if (++inTurn === classes) inTurn = 0;
    if ((plain >>> context) & 1) continue;
    const symbol: usize = load<u8>(symbols + i);
    if (alphabet <= mostWhole) {
      store<u32>(op, Adaptive.encode(tables, context, symbol));
      op += 4;
    } else {
      store<u32>(op, Adaptive.encode(tables, context, symbol >> 4));
      store<u32>(op, Adaptive.encode(lower, (context << 4) + (symbol >> 4), symbol & 15), 4);
      op += 8;
    }
  }
  const to = finishOps(ops, <i32>((op - ops) >> 2), end);
  return mayBePlain ? putPlain(symbols, count, classes, plain, to) : to;
}

/** Bits of the classes whose symbols go as they are. */
function findPlain(symbols: usize, count: i32, classes: i32, alphabet: i32, counts: usize): i32 {
  let plain = 0;
  for (let own = 0; own < classes; own++) {
    memory.fill(counts, 0, (<usize>alphabet) << 2);
    let taken = 0;
    for (let i = own; i < count; i += classes, taken++) {
      const cell = counts + ((<usize>load<u8>(symbols + i)) << 2);
      store<u32>(cell, load<u32>(cell) + 1);
    }
    if (taken > 0 && bitsOf(counts, alphabet, alphabet) >= <u64>taken * plainBits) plain |= 1 << own;
  }
  return plain;
}

/** Puts the plain symbols class by class before `to`, and before them which are plain. @returns where that begins */
function putPlain(symbols: usize, count: i32, classes: i32, plain: i32, to: usize): usize {
  for (let own = classes - 1; own >= 0; own--) {
    if (((plain >>> own) & 1) === 0 || own >= count) continue;
    for (let i = own + ((count - 1 - own) / classes) * classes; i >= 0; i -= classes)
      store<u8>(--to, load<u8>(symbols + i));
  }
  store<u8>(--to, plain);
  return to;
}

/**
 * @param symbols room for them
 * @param own as for `encodeLearning`, and `tables`
 * @returns 1, or 0 if no encoder made the bytes
 */
export function decodeLearning(
  bytes: usize,
  length: i32,
  symbols: usize,
  count: i32,
  own: usize,
  classes: i32,
  alphabet: i32,
  tables: usize,
): i32 {
  const end = bytes + length;
  let plain = 0;
  if (!own && classes > 1) {
    if (length < 1) return 0;
    plain = load<u8>(bytes++);
    if (plain >>> classes) return 0;
    bytes = takePlain(bytes, end, symbols, count, classes, alphabet, plain);
    if (!bytes) return 0;
  }
  if (!beginStream(bytes, <i32>(end - bytes))) return 0;
  clearTables(tables, classes * 17);
  const lower = tables + adaptiveBytes(classes);
  for (let i = 0, inTurn = 0; i < count; i++) {
    const context = own ? <i32>load<u8>(own + i) : inTurn;
    if (++inTurn === classes) inTurn = 0;
    if ((plain >>> context) & 1) continue;
    let symbol = decodeAdaptive(tables, context);
    if (alphabet > mostWhole) symbol = (symbol << 4) + decodeAdaptive(lower, (context << 4) + <usize>symbol);
    if (symbol >= alphabet) return 0;
    store<u8>(symbols + i, symbol);
  }
  return endStream() ? 1 : 0;
}

/** What `putPlain` put behind the bits of the classes. @returns where it ends, or 0 if no encoder made it */
function takePlain(
  bytes: usize,
  end: usize,
  symbols: usize,
  count: i32,
  classes: i32,
  alphabet: i32,
  plain: i32,
): usize {
  for (let own = 0; own < classes; own++) {
    if (((plain >>> own) & 1) === 0) continue;
    for (let i = own; i < count; i += classes) {
      if (bytes >= end || <i32>load<u8>(bytes) >= alphabet) return 0;
      store<u8>(symbols + i, load<u8>(bytes++));
    }
  }
  return bytes;
}
