/** Distributions that learn from what they code; defined in src/entropy/adaptive.ts. */
import { nextSlot, opOf, pass } from './rans';

const symbols = 16;
const scale = 1 << 14;
const floor = 4;
/** How often a table has learnt when its steps are at their shortest. */
const mostSeen = 32;
/**
 * Bytes of a table: where the slots of each of sixteen symbols start and the scale (u16), and how often it was learnt from
 * (u16); and so many that vectors lie whole in a line of a cache.
 */
const tableBytes: usize = 48;
const seenAt: usize = 34;

/** By how many bits a step is shorter than the way, for each number of times that a table has learnt. */
const shifts = memory.data<u8>([
  2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5,
]);
/** Where all starts go after each symbol (u16): there is a table of them as they are made in every step otherwise. */
const goals = memory.data(symbols * 32, 16);
makeGoals();

function makeGoals(): void {
  for (let symbol = 0; symbol < symbols; symbol++) {
    for (let at = 0; at < symbols; at++) {
      const goal = at > symbol ? scale - floor * (symbols - at) : floor * at;
      store<u16>(goals + ((<usize>(symbol * symbols + at)) << 1), goal);
    }
  }
}

/** Bytes that so many tables take, with what is read behind them. */
export function adaptiveBytes(tables: i32): usize {
  return <usize>tables * tableBytes;
}

/** Makes tables that know nothing yet. */
export function clearTables(tables: usize, count: i32): void {
  const end = tables + adaptiveBytes(count);
  for (; tables < end; tables += tableBytes) {
    for (let symbol = 0; symbol <= symbols; symbol++)
      store<u16>(tables + ((<usize>symbol) << 1), (symbol * scale) / symbols);
    store<u16>(tables, 0, seenAt);
  }
}

/** A function that is copied to where it is called, as a call takes a third of its time; outside a class that cannot be said. */
// biome-ignore lint/complexity/noStaticOnlyClass: see above
export class Adaptive {
  /** @returns the op of the symbol (rans.ts) */
  @inline static encode(tables: usize, context: usize, symbol: usize): u32 {
    const table = tables + context * tableBytes;
    const start: u32 = load<u16>(table + (symbol << 1));
    const op = opOf(start, <u32>load<u16>(table + (symbol << 1), 2) - start);
    learn(table, <i32>symbol);
    return op;
  }
}

export function decodeAdaptive(tables: usize, context: usize): i32 {
  const table = tables + context * tableBytes;
  const slot = i16x8.splat(<i16>nextSlot());
  const lower = i16x8.bitmask(i16x8.le_s(v128.load(table), slot));
  const upper = i16x8.bitmask(i16x8.le_s(v128.load(table, 16), slot));
  const symbol = popcnt<i32>(lower | (upper << 8)) - 1;
  const place = table + ((<usize>symbol) << 1);
  const start: u32 = load<u16>(place);
  pass(start, <u32>load<u16>(place, 2) - start);
  learn(table, symbol);
  return symbol;
}

function learn(table: usize, symbol: i32): void {
  const seen: i32 = load<u16>(table, seenAt);
  const shift: i32 = load<u8>(shifts + <usize>min(seen, mostSeen));
  if (seen < mostSeen) store<u16>(table, seen + 1, seenAt);
  const goal = goals + ((<usize>symbol) << 5);
  v128.store(table, moved(v128.load(table), v128.load(goal), shift));
  v128.store(table, moved(v128.load(table, 16), v128.load(goal, 16), shift), 16);
}

/** Eight starts, nearer to where they would be if there was only one symbol, but for `floor` slots that each keeps. */
function moved(starts: v128, goal: v128, shift: i32): v128 {
  return i16x8.add(starts, i16x8.shr_s(i16x8.sub(goal, starts), shift));
}
