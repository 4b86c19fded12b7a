/** Symbols to bytes and back; defined in src/entropy/rans.ts. */
import { reciprocalOf } from './reciprocal';

const scaleBits = 14;
const scale: u32 = 1 << scaleBits;
const slotMask: u32 = scale - 1;
const coarseBits = 6;
const lowest: u32 = 1 << 23;

/** Where the next op goes. */
let ops: usize = 0;

export function beginOps(at: usize): void {
  ops = at;
}

export function endOfOps(): usize {
  return ops;
}

/** @param slots of a symbol: the first, and in the upper half the one behind the last */
export function put(slots: u32): void {
  const start = slots & 0xffff;
  putOp(opOf(start, (slots >>> 16) - start));
}

export function putBits(value: i32, width: i32): void {
  if (width > 0) putOp(opOfBits(value, width));
}

function putOp(op: u32): void {
  store<u32>(ops, op);
  ops += 4;
}

/** The op of a symbol, which `RansEncoder` keeps so: where its slots start, and their number in the lower bits. */
export function opOf(start: u32, frequency: u32): u32 {
  return (start << 15) | frequency;
}

export function opOfBits(value: i32, width: i32): u32 {
  return opOf(value << (scaleBits - width), 1 << (scaleBits - width));
}

/** The hash after one more symbol. */
function hashed(hash: u32, op: u32): u32 {
  const mixed = (hash ^ op) * 0x9e3779b1;
  return mixed ^ (mixed >>> 15);
}

/**
 * Reciprocals are in 2^-46. A state that a symbol of frequency f goes into is below 2^17 * f and below 2^31, so that its
 * product with the reciprocal is below 2^64, and too large by less than 2^46 / f: its upper bits are the quotient.
 */
const reciprocalBits: u64 = 46;

/**
 * Writes the bytes of ops, the last before `end`.
 * @param ops and behind them room for eight bytes for each, as it takes less time to divide before it is waited for
 * @returns where they begin; there are two for each op at most and four more
 */
export function finishOps(ops: usize, count: i32, end: usize): usize {
  const behind = ops + <usize>count * 4;
  let hash: u32 = 0;
  for (let at = ops, to = behind; at < behind; at += 4, to += 8) {
    const op = load<u32>(at);
    hash = hashed(hash, op);
    store<u64>(to, reciprocalOf(op & 0x7fff, reciprocalBits));
  }
  let state = lowest + (hash >>> 9);
  for (let at = behind, from = behind + ((<usize>count) << 3); at > ops; ) {
    at -= 4;
    from -= 8;
    const op = load<u32>(at);
    const frequency = op & 0x7fff;
    if (frequency === scale) continue;
    // None, one or two bytes; both are written, as a branch on their number would often be foretold wrong.
    const most = frequency << 17;
    const count = <u32>(state >= most) + <u32>(state >>> 8 >= most);
    store<u16>(end - 2, bswap<u16>(<u16>state));
    end -= count;
    state >>>= count << 3;
    // As (quotient << 14) + remainder + start, but with less to wait for.
    const quotient = <u32>((<u64>state * load<u64>(from)) >> reciprocalBits);
    state = quotient * (scale - frequency) + (state + (op >>> 15));
  }
  end -= 4;
  store<u32>(end, bswap<u32>(state));
  return end;
}

/** No fault, the bytes were at their end too early, or a coefficient is too large. */
export const noFault = 0;
export const endFault = 1;
export const sizeFault = 2;

/** The decoder: where the next byte is and where bytes end, its state, the hash of all symbols, and its first fault. */
let from: usize = 0;
let end: usize = 0;
let state: u32 = 0;
let hash: u32 = 0;
let firstFault: i32 = noFault;

/** @param position of a decoder: its state and its hash */
export function beginDecoding(bytes: usize, length: i32, position: usize): void {
  from = bytes;
  end = bytes + length;
  state = load<u32>(position);
  hash = load<u32>(position, 4);
  firstFault = noFault;
}

/** Begins at the first of all bytes, where the state is. @returns whether an encoder may have made it */
export function beginStream(bytes: usize, length: i32): bool {
  if (length < 4) return false;
  from = bytes + 4;
  end = bytes + length;
  state = bswap<u32>(load<u32>(bytes));
  hash = 0;
  firstFault = noFault;
  return state >= lowest && state < 0x80_00_00_00;
}

/** Whether all bytes were taken, and were the encoder's. */
export function endStream(): bool {
  return firstFault === noFault && from === end && state === lowest + (hash >>> 9);
}

/** The slot that tells which symbol is next. */
export function nextSlot(): u32 {
  return state & slotMask;
}

/** Writes the position. @returns how many bytes were taken */
export function endDecoding(bytes: usize, position: usize): i32 {
  store<u32>(position, state);
  store<u32>(position, hash, 4);
  return <i32>(from - bytes);
}

export function fault(): i32 {
  return firstFault;
}

export function setFault(found: i32): void {
  if (firstFault === noFault) firstFault = found;
}

/** Goes past the symbol that owns the slot. */
export function pass(start: u32, frequency: u32): void {
  hash = hashed(hash, (start << 15) | frequency);
  const next = frequency * (state >>> scaleBits) + (state & slotMask) - start;
  // None, one or two bytes; both are read, as a branch on their number would often be foretold wrong.
  const count = (clz<u32>(next) - 1) >>> 3;
  state = (next << (count << 3)) | (<u32>bswap<u16>(load<u16>(from)) >>> (16 - (count << 3)));
  from += count;
  if (from > end) {
    setFault(endFault);
    from = end;
  }
}

/**
 * The next symbol.
 * @param starts u16 where the slots of each symbol start, and the scale at the end
 * @param firsts u8 for each 2^coarseBits slots: the symbol that owns the first
 */
export function take(starts: usize, firsts: usize): i32 {
  const slot = state & slotMask;
  let symbol = <i32>load<u8>(firsts + (slot >>> coarseBits));
  let slots = load<u32>(starts + <usize>symbol * 2);
  while (slots >>> 16 <= slot) slots = load<u32>(starts + <usize>++symbol * 2);
  const start = slots & 0xffff;
  pass(start, (slots >>> 16) - start);
  return symbol;
}

export function takeBits(width: i32): i32 {
  if (width === 0) return 0;
  const value = (state & slotMask) >>> (scaleBits - width);
  pass(value << (scaleBits - width), 1 << (scaleBits - width));
  return <i32>value;
}
