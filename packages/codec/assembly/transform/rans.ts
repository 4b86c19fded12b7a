/** What an encoder of symbols keeps, and a decoder of them; defined in src/entropy/rans.ts. */

const scaleBits = 14;
const slotMask: u32 = (1 << scaleBits) - 1;
const coarseBits = 6;
const lowest: u32 = 1 << 23;

/** Where the next op goes: the start of a symbol's slots and their number, as `RansEncoder` keeps them. */
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
  store<u32>(ops, (start << 15) | ((slots >>> 16) - start));
  ops += 4;
}

export function putBits(value: i32, width: i32): void {
  if (width === 0) return;
  store<u32>(ops, (value << (scaleBits - width + 15)) | (1 << (scaleBits - width)));
  ops += 4;
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

function pass(start: u32, frequency: u32): void {
  const mixed = (hash ^ ((start << 15) | frequency)) * 0x9e3779b1;
  hash = mixed ^ (mixed >>> 15);
  let next = frequency * (state >>> scaleBits) + (state & slotMask) - start;
  while (next < lowest) {
    if (from >= end) {
      setFault(endFault);
      next = lowest;
    } else next = (next << 8) | load<u8>(from++);
  }
  state = next;
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
