/** Decodes what symbols.ts encodes; what is computed is defined in src/kernels/symbols.ts. */
import { lowestState, slotBits, slotCount } from './symbols';

/**
 * Four bytes for each cell, its first slot * 2^16 + its frequency; and two for each slot of a context, its symbol and 2^8
 * times the bin of that. Up to 14 bytes after the slots are written too.
 */
function prepareDecoding(
  frequencies: usize,
  contexts: i32,
  alphabet: i32,
  bins: usize,
  entries: usize,
  slots: usize,
): void {
  for (let context = 0; context < contexts; context++, slots += slotCount * 2) {
    let start: u32 = 0;
    for (let symbol = 0; symbol < alphabet; symbol++, frequencies += 2, entries += 4) {
      const frequency: u32 = load<u16>(frequencies);
      store<u32>(entries, (start << 16) | frequency);
      if (frequency === 0) continue;
      const bin = bins ? <i32>load<u8>(bins + symbol) : 0;
      const eight = i16x8.splat(<i16>(symbol | (bin << 8)));
      const end = slots + (start + frequency) * 2;
      for (let at = slots + start * 2; at < end; at += 16) v128.store(at, eight);
      start += frequency;
    }
    if (start === 0) memory.fill(slots, 0, slotCount * 2);
  }
}

/** The first bits are of the symbols before, 16 times those are of the class. */
function contextOf(own: usize, left: usize, up: usize): usize {
  return <usize>load<u8>(own) + ((<usize>load<u8>(left)) << 2) + <usize>load<u8>(up);
}

function cellIn(slots: usize, context: usize, state: u32): u32 {
  return load<u16>(slots + (((context << slotBits) + (state & (slotCount - 1))) << 1));
}

/** The state without its symbol, which may lack a word. */
function popped(state: u32, entry: u32): u32 {
  return (entry & 0xffff) * (state >> slotBits) + (state & (slotCount - 1)) - (entry >> 16);
}

function lacking(state: u32): u32 {
  return state < lowestState ? 1 : 0;
}

function filled(state: u32, lacks: u32, from: usize): u32 {
  return (state << (lacks << 4)) | (<u32>load<u16>(from) & (0 - lacks));
}

/**
 * What belongs to one step of all lanes lies together, lane by lane, so that one address serves them.
 * @param from the bytes: sixteen at least, an even number of them, and room for eight more
 * @param symbols room for four lanes of `length`, in a row
 * @param own the classes of the symbols, 0 if there is one
 * @param left how many steps before each symbol lies its neighbour, and `up`: 1 at least
 * @param bins of symbols; 0 if neighbours do not count
 * @param marks room for eight bytes for each of `left` or `up` steps, whichever is more, and for each of the lanes and 8 more
 * @param classes room for four bytes for each step and 16 more
 * @returns 1, or 0 if no encoder made the bytes
 */
export function decodeSymbols(
  from: usize,
  bytes: i32,
  symbols: usize,
  length: usize,
  own: usize,
  left: usize,
  up: usize,
  bins: usize,
  marks: usize,
  classes: usize,
  contexts: i32,
  alphabet: usize,
  frequencies: usize,
  entries: usize,
  slots: usize,
): i32 {
  prepareDecoding(frequencies, contexts, <i32>alphabet, bins, entries, slots);
  putClasses(own, length, bins ? 4 : 0, classes);
  const margin = max(left, up) << 3;
  memory.fill(marks, 0, margin);
  const last = from + bytes;
  if (!i32x4.all_true(i32x4.ge_s(v128.load(from), i32x4.splat(lowestState)))) return 0;
  let s0 = load<u32>(from);
  let s1 = load<u32>(from, 4);
  let s2 = load<u32>(from, 8);
  let s3 = load<u32>(from, 12);
  from += 16;
  let at = marks + margin;
  // Behind each symbol is its bin.
  let before = at - (left << 3) + 1;
  let above = at - (up << 3) + 1;
  for (const end = at + (length << 3); at < end; at += 8, before += 8, above += 8, classes += 4) {
    const k0 = contextOf(classes, before, above);
    const k1 = contextOf(classes + 1, before + 2, above + 2);
    const k2 = contextOf(classes + 2, before + 4, above + 4);
    const k3 = contextOf(classes + 3, before + 6, above + 6);
    const c0 = cellIn(slots, k0, s0);
    const c1 = cellIn(slots, k1, s1);
    const c2 = cellIn(slots, k2, s2);
    const c3 = cellIn(slots, k3, s3);
    store<u16>(at, c0);
    store<u16>(at, c1, 2);
    store<u16>(at, c2, 4);
    store<u16>(at, c3, 6);
    s0 = popped(s0, load<u32>(entries + ((k0 * alphabet + (c0 & 0xff)) << 2)));
    s1 = popped(s1, load<u32>(entries + ((k1 * alphabet + (c1 & 0xff)) << 2)));
    s2 = popped(s2, load<u32>(entries + ((k2 * alphabet + (c2 & 0xff)) << 2)));
    s3 = popped(s3, load<u32>(entries + ((k3 * alphabet + (c3 & 0xff)) << 2)));
    const l0 = lacking(s0);
    s0 = filled(s0, l0, from);
    from += l0 << 1;
    const l1 = lacking(s1);
    s1 = filled(s1, l1, from);
    from += l1 << 1;
    const l2 = lacking(s2);
    s2 = filled(s2, l2, from);
    from += l2 << 1;
    const l3 = lacking(s3);
    s3 = filled(s3, l3, from);
    from += l3 << 1;
    if (from > last) return 0;
  }
  takeLanes(marks + margin, length, symbols);
  return from === last && (s0 | s1 | s2 | s3) === lowestState && (s0 & s1 & s2 & s3) === lowestState ? 1 : 0;
}

/** The classes of four lanes, shifted and together step by step. */
function putClasses(own: usize, length: usize, shift: i32, to: usize): void {
  if (!own) {
    memory.fill(to, 0, length << 2);
    return;
  }
  for (const end = to + (length << 2); to < end; to += 64, own += 16) {
    const a = i8x16.shl(v128.load(own), shift);
    const b = i8x16.shl(v128.load(own + length), shift);
    const c = i8x16.shl(v128.load(own + 2 * length), shift);
    const d = i8x16.shl(v128.load(own + 3 * length), shift);
    const ab = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const cd = i8x16.shuffle(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const abLast = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const cdLast = i8x16.shuffle(c, d, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    v128.store(to, i16x8.shuffle(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(to, i16x8.shuffle(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    v128.store(to, i16x8.shuffle(abLast, cdLast, 0, 8, 1, 9, 2, 10, 3, 11), 32);
    v128.store(to, i16x8.shuffle(abLast, cdLast, 4, 12, 5, 13, 6, 14, 7, 15), 48);
  }
}

/** Symbols (the lower bytes of u16) of four lanes that lie together step by step, lane after lane. */
function takeLanes(from: usize, length: usize, to: usize): void {
  const mask = i16x8.splat(0xff);
  let step: usize = 0;
  for (; step + 4 <= length; step += 4, from += 32, to += 4) {
    const steps = i8x16.narrow_i16x8_u(v128.and(v128.load(from), mask), v128.and(v128.load(from, 16), mask));
    const lanes = i8x16.shuffle(steps, steps, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    v128.store32_lane(to, lanes, 0);
    v128.store32_lane(to + length, lanes, 1);
    v128.store32_lane(to + 2 * length, lanes, 2);
    v128.store32_lane(to + 3 * length, lanes, 3);
  }
  for (; step < length; step++, from += 8, to++) {
    store<u8>(to, load<u8>(from));
    store<u8>(to + length, load<u8>(from, 2));
    store<u8>(to + 2 * length, load<u8>(from, 4));
    store<u8>(to + 3 * length, load<u8>(from, 6));
  }
}
