/** Counts of symbols, and rANS under fixed distributions by context; what is computed is defined in src/kernels/symbols.ts. */

const slotBits: u32 = 12;
const slotCount: u32 = 1 << slotBits;
const lowestState: u32 = 1 << 15;

/**
 * The context of the symbol at `at`. There is room before the first symbol for all that lies `left` or `up` of it, filled
 * with zeros.
 * @param toOwn what leads from a symbol to its own class, and `own` whether there is one; `bins` 0 if neighbours do not count.
 */
function contextAt(at: usize, own: bool, toOwn: usize, left: usize, up: usize, bins: usize): usize {
  const ownClass: usize = own ? load<u8>(at + toOwn) : 0;
  if (bins === 0) return ownClass;
  return (ownClass << 4) + ((<usize>load<u8>(bins + load<u8>(at - left))) << 2) + load<u8>(bins + load<u8>(at - up));
}

/** Adds to `counts` (u32, context by context) how often each symbol follows in each context. */
export function countSymbols(
  symbols: usize,
  count: i32,
  own: usize,
  left: i32,
  up: i32,
  bins: usize,
  alphabet: i32,
  counts: usize,
): void {
  const end = symbols + count;
  const toOwn = own - symbols;
  for (let at = symbols; at < end; at++) {
    const context = contextAt(at, own !== 0, toOwn, left, up, bins);
    const cell = counts + ((context * <usize>alphabet + load<u8>(at)) << 2);
    store<u32>(cell, load<u32>(cell) + 1);
  }
}

/**
 * Eight bytes for each symbol of a context: a reciprocal, then the first slot (12 bits), the frequency (13) and a shift (5).
 * For x below 2^31 is `(x * reciprocal) >> (31 + shift)` the quotient by the frequency, as the reciprocal is rounded up at
 * a power of two that is at least the frequency.
 */
function prepareEncoding(frequencies: usize, contexts: i32, alphabet: i32, entries: usize): void {
  for (let context = 0; context < contexts; context++) {
    let start: u32 = 0;
    for (let symbol = 0; symbol < alphabet; symbol++, frequencies += 2, entries += 8) {
      const frequency: u32 = load<u16>(frequencies);
      if (frequency === 0) continue;
      const shift: u32 = frequency === 1 ? 0 : 32 - clz<u32>(frequency - 1);
      store<u32>(entries, <u32>((((<u64>1) << (31 + shift)) + frequency - 1) / frequency));
      store<u32>(entries, start | (frequency << 12) | (shift << 25), 4);
      start += frequency;
    }
  }
}

/**
 * Codes backwards, so that the stream ends at `end`; up to 2 * count + 10 bytes before it are written.
 * @returns where the stream begins.
 */
export function encodeSymbols(
  symbols: usize,
  count: i32,
  own: usize,
  left: i32,
  up: i32,
  bins: usize,
  contexts: i32,
  alphabet: i32,
  frequencies: usize,
  entries: usize,
  end: usize,
): usize {
  prepareEncoding(frequencies, contexts, alphabet, entries);
  const toOwn = own - symbols;
  let to = end;
  let state = lowestState;
  let other = lowestState;
  for (let at = symbols + count - 1; at >= symbols; at--) {
    const context = contextAt(at, own !== 0, toOwn, left, up, bins);
    const entry = entries + ((context * <usize>alphabet + load<u8>(at)) << 3);
    const parts = load<u32>(entry, 4);
    const frequency = (parts >> 12) & 0x1fff;
    // Whether a word has to leave cannot be foretold, so that a branch would cost more than to write it in any case.
    store<u16>(to - 2, state);
    const leaves: u32 = state >= frequency << 19 ? 1 : 0;
    to -= leaves << 1;
    state >>= leaves << 4;
    const quotient = <u32>((<u64>state * load<u32>(entry)) >> (31 + (parts >> 25)));
    const next = (quotient << slotBits) + (state - quotient * frequency) + (parts & 0xfff);
    state = other;
    other = next;
  }
  store<u32>(to - 4, state);
  store<u32>(to - 8, other);
  return to - 8;
}

/**
 * Four bytes for each symbol of a context, its first slot * 2^16 + its frequency; and two for each slot, its symbol and 2^8
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

/**
 * @param marks room for the bins of the symbols, with zeros before it where a symbol has no neighbour
 * @param from the bytes: eight at least, an even number of them, and room for two more
 * @returns 1, or 0 if no encoder made the bytes
 */
export function decodeSymbols(
  from: usize,
  length: i32,
  symbols: usize,
  count: i32,
  own: usize,
  left: i32,
  up: i32,
  bins: usize,
  marks: usize,
  contexts: i32,
  alphabet: i32,
  frequencies: usize,
  entries: usize,
  slots: usize,
): i32 {
  prepareDecoding(frequencies, contexts, alphabet, bins, entries, slots);
  const toOwn = own - symbols;
  const toMarks = marks - symbols;
  const last = from + length;
  const end = symbols + count;
  let state = load<u32>(from);
  let other = load<u32>(from, 4);
  if (!isState(state) || !isState(other)) return 0;
  from += 8;
  let bin: usize = 0;
  for (let at = symbols; at < end; at++) {
    let context: usize = own ? load<u8>(at + toOwn) : 0;
    if (bins) {
      const mark = at + toMarks;
      // Each symbol waits for the bin of the one before it: memory would be a detour.
      const before = left === 1 ? bin : <usize>load<u8>(mark - left);
      context = (context << 4) + (before << 2) + load<u8>(mark - up);
    }
    const slot = state & (slotCount - 1);
    const cell: u32 = load<u16>(slots + (((context << slotBits) + slot) << 1));
    const symbol = cell & 0xff;
    bin = cell >> 8;
    const entry = load<u32>(entries + ((context * <usize>alphabet + symbol) << 2));
    const next = (entry & 0xffff) * (state >> slotBits) + slot - (entry >> 16);
    const lacks: u32 = next < lowestState ? 1 : 0;
    const word: u32 = load<u16>(from) & (0 - lacks);
    from += lacks << 1;
    if (from > last) return 0;
    store<u8>(at, symbol);
    if (bins) store<u8>(at + toMarks, <u32>bin);
    state = other;
    other = (next << (lacks << 4)) | word;
  }
  return from === last && state === lowestState && other === lowestState ? 1 : 0;
}

function isState(state: u32): bool {
  return state >= lowestState && state < 0x80_00_00_00;
}
