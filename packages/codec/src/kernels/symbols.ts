import { contextCount, type SymbolContexts } from './kernels.js';

/*
 * Symbols (numbers below an alphabet of at most 256) by range asymmetric numeral systems (Duda, arXiv 1311.2540; with
 * 16-bit words as Giesen, arXiv 1402.3392) under one fixed distribution for each context. Frequencies are of 2^12 slots. Two
 * states of 31 bits take turns, the first with the symbols of even index, so that one's arithmetic hides behind the other's.
 * The stream is the two states (u32), then words (u16), all little-endian, as the decoder needs them: the encoder runs
 * backwards. It begins with the lowest state, with which a decoder has to end.
 */

const slotBits = 12;
/** What the frequencies of a context sum to. */
export const slotCount = 1 << slotBits;
/** States are from here to 2^31 - 1. */
export const lowestState = 1 << 15;
const stateBytes = 8;

/** Of a symbol the class that is its own, then the bins of the symbols to its left and above, where those count. */
function contextAt(symbols: Uint8Array, at: number, { own, neighbours }: SymbolContexts): number {
  const ownClass = own === undefined ? 0 : (own[at] as number);
  if (neighbours === undefined) return ownClass;
  const { left, up, bins } = neighbours;
  const before = at < left ? 0 : (symbols[at - left] as number);
  const above = at < up ? 0 : (symbols[at - up] as number);
  return ownClass * 16 + (bins[before] as number) * 4 + (bins[above] as number);
}

export function countSymbols(symbols: Uint8Array, contexts: SymbolContexts): Uint32Array<ArrayBuffer> {
  const { alphabet } = contexts;
  const counts = new Uint32Array(contextCount(contexts) * alphabet);
  for (let i = 0; i < symbols.length; i++) {
    const cell = contextAt(symbols, i, contexts) * alphabet + (symbols[i] as number);
    counts[cell] = (counts[cell] as number) + 1;
  }
  return counts;
}

export function encodeSymbols(
  symbols: Uint8Array,
  contexts: SymbolContexts,
  frequencies: Uint16Array,
): Uint8Array<ArrayBuffer> {
  const { alphabet } = contexts;
  const starts = startsOf(frequencies, alphabet);
  // A symbol costs at most twelve bits, and so a word at most.
  const bytes = new Uint8Array(symbols.length * 2 + stateBytes);
  let to = bytes.length;
  let state = lowestState;
  let other = lowestState;
  for (let i = symbols.length - 1; i >= 0; i--) {
    const cell = contextAt(symbols, i, contexts) * alphabet + (symbols[i] as number);
    const frequency = frequencies[cell] as number;
    if (state >= frequency * 2 ** 19) {
      bytes[--to] = state >>> 8;
      bytes[--to] = state;
      state >>>= 16;
    }
    const quotient = (state / frequency) | 0;
    const next = quotient * slotCount + (state - quotient * frequency) + (starts[cell] as number);
    state = other;
    other = next;
  }
  const view = new DataView(bytes.buffer);
  view.setUint32(to - 4, state, true);
  view.setUint32(to - 8, other, true);
  return bytes.slice(to - stateBytes);
}

export function decodeSymbols(
  bytes: Uint8Array,
  count: number,
  contexts: SymbolContexts,
  frequencies: Uint16Array,
): Uint8Array<ArrayBuffer> | undefined {
  if (bytes.length < stateBytes || bytes.length % 2 !== 0) return undefined;
  const { alphabet } = contexts;
  const starts = startsOf(frequencies, alphabet);
  const slots = slotsOf(frequencies, alphabet);
  const symbols = new Uint8Array(count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let state = view.getUint32(0, true);
  let other = view.getUint32(4, true);
  let from = stateBytes;
  if (!isState(state) || !isState(other)) return undefined;
  for (let i = 0; i < count; i++) {
    const context = contextAt(symbols, i, contexts);
    const slot = state & (slotCount - 1);
    const symbol = slots[context * slotCount + slot] as number;
    const cell = context * alphabet + symbol;
    let next = (frequencies[cell] as number) * (state >>> slotBits) + slot - (starts[cell] as number);
    if (next < lowestState) {
      if (from >= bytes.length) return undefined;
      next = ((next << 16) | view.getUint16(from, true)) >>> 0;
      from += 2;
    }
    symbols[i] = symbol;
    state = other;
    other = next;
  }
  return from === bytes.length && state === lowestState && other === lowestState ? symbols : undefined;
}

function isState(state: number): boolean {
  return state >= lowestState && state < 2 ** 31;
}

/** The first slot of each symbol, context by context. */
function startsOf(frequencies: Uint16Array, alphabet: number): Uint16Array {
  const starts = new Uint16Array(frequencies.length);
  for (let cell = 1; cell < starts.length; cell++) {
    if (cell % alphabet !== 0) starts[cell] = (starts[cell - 1] as number) + (frequencies[cell - 1] as number);
  }
  return starts;
}

/** The symbol of each slot, context by context; 0 where a context has no distribution. */
function slotsOf(frequencies: Uint16Array, alphabet: number): Uint8Array {
  const slots = new Uint8Array((frequencies.length / alphabet) * slotCount);
  const starts = startsOf(frequencies, alphabet);
  for (let cell = 0; cell < frequencies.length; cell++) {
    const from = Math.floor(cell / alphabet) * slotCount + (starts[cell] as number);
    slots.fill(cell % alphabet, from, from + (frequencies[cell] as number));
  }
  return slots;
}
