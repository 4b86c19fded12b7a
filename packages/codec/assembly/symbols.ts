/** rANS of symbols in four lanes under fixed distributions by context; what is computed is defined in src/kernels/symbols.ts. */

const slotBits: u32 = 12;
const slotCount: u32 = 1 << slotBits;
const lowestState: u32 = 1 << 15;

/** Bytes of what the encoder knows of a cell. */
const entryBytes: usize = 16;

/**
 * Of each cell: from which state on a word has to leave, a reciprocal of the frequency, what a quotient by it is multiplied
 * with (u16), the first slot (u16), and a shift. For x below 2^31 is `(x * reciprocal) >> shift` the quotient, as the
 * reciprocal is rounded up at a power of two that is at least the frequency.
 */
function prepareEncoding(frequencies: usize, contexts: i32, alphabet: i32, entries: usize): void {
  for (let context = 0; context < contexts; context++) {
    let start: u32 = 0;
    for (let symbol = 0; symbol < alphabet; symbol++, frequencies += 2, entries += entryBytes) {
      const frequency: u32 = load<u16>(frequencies);
      if (frequency === 0) continue;
      const shift: u32 = frequency === 1 ? 0 : 32 - clz<u32>(frequency - 1);
      store<u32>(entries, frequency << 19);
      store<u32>(entries, <u32>((((<u64>1) << (31 + shift)) + frequency - 1) / frequency), 4);
      store<u32>(entries, (slotCount - frequency) | (start << 16), 8);
      store<u32>(entries, 31 + shift, 12);
      start += frequency;
    }
  }
}

function entryOf(entries: usize, cell: usize): usize {
  return entries + <usize>load<u16>(cell) * entryBytes;
}

/** How many words have to leave a state: none or one. */
function leaving(state: u32, entry: usize): u32 {
  return state >= load<u32>(entry) ? 1 : 0;
}

/** The state with one more symbol. */
function pushed(state: u32, entry: usize): u32 {
  const quotient = <u32>((<u64>state * load<u32>(entry, 4)) >> load<u32>(entry, 12));
  return state + quotient * load<u16>(entry, 8) + load<u16>(entry, 10);
}

/**
 * Codes backwards, so that the stream ends at `end`; up to 8 * length + 18 bytes before it are written.
 * @param cells of four lanes of `length` symbols, `stride` bytes apart
 * @param entries room for sixteen bytes for each cell
 * @returns where the stream begins.
 */
export function encodeCells(
  cells: usize,
  length: i32,
  stride: usize,
  contexts: i32,
  alphabet: i32,
  frequencies: usize,
  entries: usize,
  end: usize,
): usize {
  prepareEncoding(frequencies, contexts, alphabet, entries);
  let s0 = lowestState;
  let s1 = lowestState;
  let s2 = lowestState;
  let s3 = lowestState;
  let to = end;
  const first = cells;
  // Whether a word has to leave cannot be foretold, so that a branch would cost more than to write it in any case.
  for (let cell = cells + ((<usize>length) << 1) - 2; cell >= first; cell -= 2) {
    const e3 = entryOf(entries, cell + 3 * stride);
    const l3 = leaving(s3, e3);
    store<u16>(to - 2, s3);
    to -= l3 << 1;
    s3 = pushed(s3 >> (l3 << 4), e3);
    const e2 = entryOf(entries, cell + 2 * stride);
    const l2 = leaving(s2, e2);
    store<u16>(to - 2, s2);
    to -= l2 << 1;
    s2 = pushed(s2 >> (l2 << 4), e2);
    const e1 = entryOf(entries, cell + stride);
    const l1 = leaving(s1, e1);
    store<u16>(to - 2, s1);
    to -= l1 << 1;
    s1 = pushed(s1 >> (l1 << 4), e1);
    const e0 = entryOf(entries, cell);
    const l0 = leaving(s0, e0);
    store<u16>(to - 2, s0);
    to -= l0 << 1;
    s0 = pushed(s0 >> (l0 << 4), e0);
  }
  to -= 16;
  store<u32>(to, s0);
  store<u32>(to, s1, 4);
  store<u32>(to, s2, 8);
  store<u32>(to, s3, 12);
  return to;
}

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

function contextOf(own: usize, mark: usize, left: usize, up: usize, bins: usize): usize {
  const ownClass: usize = own ? load<u8>(own) : 0;
  return bins ? (ownClass << 4) + ((<usize>load<u8>(mark - left)) << 2) + load<u8>(mark - up) : ownClass;
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
 * @param from the bytes: sixteen at least, an even number of them, and room for eight more
 * @param symbols room for four lanes of `length`, in a row
 * @param own the classes of the symbols, 0 if they have none
 * @param bins of symbols; 0 if neighbours do not count
 * @param marks room for the bins of the symbols decoded, in lanes `stride` apart, with zeros before each
 * @returns 1, or 0 if no encoder made the bytes
 */
export function decodeSymbols(
  from: usize,
  bytes: i32,
  symbols: usize,
  length: usize,
  stride: usize,
  own: usize,
  left: usize,
  up: usize,
  bins: usize,
  marks: usize,
  contexts: i32,
  alphabet: usize,
  frequencies: usize,
  entries: usize,
  slots: usize,
): i32 {
  prepareDecoding(frequencies, contexts, <i32>alphabet, bins, entries, slots);
  const last = from + bytes;
  if (!i32x4.all_true(i32x4.ge_s(v128.load(from), i32x4.splat(lowestState)))) return 0;
  let s0 = load<u32>(from);
  let s1 = load<u32>(from, 4);
  let s2 = load<u32>(from, 8);
  let s3 = load<u32>(from, 12);
  from += 16;
  const end = symbols + length;
  const ownLane = own ? length : 0;
  for (let at = symbols; at < end; at++) {
    const k0 = contextOf(own, marks, left, up, bins);
    const k1 = contextOf(own + ownLane, marks + stride, left, up, bins);
    const k2 = contextOf(own + 2 * ownLane, marks + 2 * stride, left, up, bins);
    const k3 = contextOf(own + 3 * ownLane, marks + 3 * stride, left, up, bins);
    const c0 = cellIn(slots, k0, s0);
    const c1 = cellIn(slots, k1, s1);
    const c2 = cellIn(slots, k2, s2);
    const c3 = cellIn(slots, k3, s3);
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
    store<u8>(at, c0);
    store<u8>(at + length, c1);
    store<u8>(at + 2 * length, c2);
    store<u8>(at + 3 * length, c3);
    if (bins) {
      store<u8>(marks, c0 >> 8);
      store<u8>(marks + stride, c1 >> 8);
      store<u8>(marks + 2 * stride, c2 >> 8);
      store<u8>(marks + 3 * stride, c3 >> 8);
      marks++;
    }
    if (own) own++;
  }
  return from === last && (s0 | s1 | s2 | s3) === lowestState && (s0 & s1 & s2 & s3) === lowestState ? 1 : 0;
}
