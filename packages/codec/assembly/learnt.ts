/** Few symbols under distributions that learn from them; defined in src/entropy/learnt.ts. */
import { adaptiveBytes, clearTables, decodeAdaptive, encodeAdaptive } from './adaptive';
import { beginOps, beginStream, endOfOps, endStream, finishOps } from './rans';

/** Symbols from here on go as two halves. */
const mostWhole = 16;

/** Bytes of the tables for so many classes. */
export function learningBytes(classes: i32): usize {
  return adaptiveBytes(classes * 17);
}

/**
 * @param own the classes of the symbols, 0 if they have none
 * @param tables room for `learningBytes`
 * @param ops room for eight bytes for each symbol
 * @param end where the bytes shall end; up to four for each symbol and four more are written
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
  end: usize,
): usize {
  clearTables(tables, classes * 17);
  const lower = tables + adaptiveBytes(classes);
  beginOps(ops);
  for (let i = 0; i < count; i++) {
    const context: usize = own ? load<u8>(own + i) : 0;
    const symbol: usize = load<u8>(symbols + i);
    if (alphabet <= mostWhole) encodeAdaptive(tables, context, symbol);
    else {
      encodeAdaptive(tables, context, symbol >> 4);
      encodeAdaptive(lower, (context << 4) + (symbol >> 4), symbol & 15);
    }
  }
  return finishOps(ops, <i32>((endOfOps() - ops) >> 2), end);
}

/** @param symbols room for them @returns 1, or 0 if no encoder made the bytes; see `encodeLearning` */
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
  if (!beginStream(bytes, length)) return 0;
  clearTables(tables, classes * 17);
  const lower = tables + adaptiveBytes(classes);
  for (let i = 0; i < count; i++) {
    const context: usize = own ? load<u8>(own + i) : 0;
    let symbol = decodeAdaptive(tables, context);
    if (alphabet > mostWhole) symbol = (symbol << 4) + decodeAdaptive(lower, (context << 4) + <usize>symbol);
    if (symbol >= alphabet) return 0;
    store<u8>(symbols + i, symbol);
  }
  return endStream() ? 1 : 0;
}
