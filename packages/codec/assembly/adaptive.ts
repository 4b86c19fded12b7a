/** Distributions that learn from what they code; defined in src/entropy/adaptive.ts. */
import { nextSlot, pass, putSlots } from './rans';

const symbols = 16;
const scale = 1 << 14;
const floor: i16 = 4;
/** Bytes of a table: where the slots of each of sixteen symbols start (u16), and how often it was learnt from (u16). */
const tableBytes: usize = 34;

/** Bytes that so many tables take, with what is read behind them. */
export function adaptiveBytes(tables: i32): usize {
  return <usize>tables * tableBytes;
}

/** Makes tables that know nothing yet. */
export function clearTables(tables: usize, count: i32): void {
  const end = tables + adaptiveBytes(count);
  for (; tables < end; tables += tableBytes) {
    for (let symbol = 0; symbol < symbols; symbol++)
      store<u16>(tables + ((<usize>symbol) << 1), (symbol * scale) / symbols);
    store<u16>(tables, 0, 32);
  }
}

export function encodeAdaptive(tables: usize, context: usize, symbol: usize): void {
  const table = tables + context * tableBytes;
  const start: u32 = load<u16>(table + (symbol << 1));
  const behind: u32 = symbol === symbols - 1 ? scale : load<u16>(table + (symbol << 1), 2);
  putSlots(start, behind - start);
  learn(table, <i32>symbol);
}

export function decodeAdaptive(tables: usize, context: usize): i32 {
  const table = tables + context * tableBytes;
  const slot = i16x8.splat(<i16>nextSlot());
  const lower = i16x8.bitmask(i16x8.le_s(v128.load(table), slot));
  const upper = i16x8.bitmask(i16x8.le_s(v128.load(table, 16), slot));
  const symbol = popcnt<i32>(lower | (upper << 8)) - 1;
  const place = table + ((<usize>symbol) << 1);
  const start: u32 = load<u16>(place);
  const behind: u32 = symbol === symbols - 1 ? scale : load<u16>(place, 2);
  pass(start, behind - start);
  learn(table, symbol);
  return symbol;
}

function learn(table: usize, symbol: i32): void {
  const seen: i32 = load<u16>(table, 32);
  const shift = seen < 2 ? 2 : seen < 6 ? 3 : seen < 32 ? 4 : 5;
  if (seen < 255) store<u16>(table, seen + 1, 32);
  const at = i16x8.splat(<i16>symbol);
  v128.store(table, moved(v128.load(table), i16x8(0, 1, 2, 3, 4, 5, 6, 7), at, shift));
  v128.store(table, moved(v128.load(table, 16), i16x8(8, 9, 10, 11, 12, 13, 14, 15), at, shift), 16);
}

/** Eight starts, nearer to where they would be if there was only one symbol, but for `floor` slots that each keeps. */
function moved(starts: v128, numbers: v128, symbol: v128, shift: i32): v128 {
  const low = i16x8.mul(numbers, i16x8.splat(floor));
  const high = i16x8.add(low, i16x8.splat(<i16>(scale - floor * symbols)));
  const goal = v128.bitselect(high, low, i16x8.gt_s(numbers, symbol));
  return i16x8.add(starts, i16x8.shr_s(i16x8.sub(goal, starts), shift));
}
