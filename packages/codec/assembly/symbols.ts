/** Encodes symbols: rANS in four lanes under fixed distributions by context; what is computed is defined in src/kernels/symbols.ts. */
import { reciprocalOf } from './reciprocal';

export const slotBits: u32 = 12;
export const slotCount: u32 = 1 << slotBits;
export const lowestState: u32 = 1 << 15;

/** Bytes of what the encoder knows of a cell. */
const entryBytes: usize = 16;

/** Reciprocals are in 2^-43. */
const reciprocalBits: u64 = 43;

/**
 * Of each cell: a reciprocal of the frequency (u64), from which state on a word has to leave, what a quotient is multiplied
 * with (u16), and the first slot (u16). A state x from which a word has left if it had to is below 2^19 times the frequency f
 * and below 2^31. So its product with the reciprocal, which is rounded up, is below 2^63, and too large by less than 2^43 / f:
 * its upper bits are the quotient.
 */
function prepareEncoding(frequencies: usize, contexts: i32, alphabet: i32, entries: usize): void {
  for (let context = 0; context < contexts; context++) {
    let start: u32 = 0;
    for (let symbol = 0; symbol < alphabet; symbol++, frequencies += 2, entries += entryBytes) {
      const frequency: u32 = load<u16>(frequencies);
      if (frequency === 0) continue;
      store<u64>(entries, reciprocalOf(frequency, reciprocalBits));
      store<u32>(entries, frequency << 19, 8);
      store<u32>(entries, (slotCount - frequency) | (start << 16), 12);
      start += frequency;
    }
  }
}

function entryOf(entries: usize, cell: usize): usize {
  return entries + <usize>load<u16>(cell) * entryBytes;
}

/** How many words have to leave a state: none or one. */
function leaving(state: u32, entry: usize): u32 {
  return state >= load<u32>(entry, 8) ? 1 : 0;
}

/** The state with one more symbol. */
function pushed(state: u32, entry: usize): u32 {
  const quotient = <u32>((<u64>state * load<u64>(entry)) >> reciprocalBits);
  return state + quotient * load<u16>(entry, 12) + load<u16>(entry, 14);
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
