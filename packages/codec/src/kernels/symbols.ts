import { binsOf } from './bins.js';
import { contextCount, type SymbolContexts } from './kernels.js';
import { laneCount, laneLength, restCount } from './lanes.js';

/*
 * Symbols (numbers below an alphabet of at most 256) by range asymmetric numeral systems (Duda, arXiv 1311.2540; with
 * 16-bit words as Giesen, arXiv 1402.3392) under one fixed distribution for each context. Frequencies are of 2^12 slots. Four
 * states of 31 bits take turns, one for each lane: a quarter of the symbols, which knows nothing of the others, so that none
 * waits for another. The stream is the states (u32), then words (u16), all little-endian, as the decoder needs them: the
 * encoder runs backwards. It begins with the lowest states, with which a decoder has to end. Before all that are the last
 * symbols, as many as are in no lane, as they are.
 */

const slotBits = 12;
/** What the frequencies of a context sum to. */
export const slotCount = 1 << slotBits;
/** States are from here to 2^31 - 1. */
export const lowestState = 1 << 15;
/** Bytes of the states. */
export const stateBytes = laneCount * 4;

/** Gives the context of a symbol from its place, how many symbols of its lane are before it, and the symbols before it. */
function contextsOf({
  own,
  classes,
  neighbours,
}: SymbolContexts): (symbols: Uint8Array, at: number, step: number) => number {
  const ownClass = (at: number): number => (own === undefined ? at % classes : (own[at] as number));
  if (neighbours === undefined) return (_symbols, at) => ownClass(at);
  const { left, up, starts } = neighbours;
  const bins = binsOf(starts);
  const binAt = (symbols: Uint8Array, at: number, step: number, before: number): number =>
    bins[step < before ? 0 : (symbols[at - before] as number)] as number;
  return (symbols, at, step) => ownClass(at) * 16 + binAt(symbols, at, step, left) * 4 + binAt(symbols, at, step, up);
}

export function countSymbols(symbols: Uint8Array, contexts: SymbolContexts): Uint32Array<ArrayBuffer> {
  const { alphabet } = contexts;
  const contextAt = contextsOf(contexts);
  const counts = new Uint32Array(contextCount(contexts) * alphabet);
  const length = laneLength(symbols.length);
  for (let at = 0; at < laneCount * length; at++) {
    const cell = contextAt(symbols, at, at % length) * alphabet + (symbols[at] as number);
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
  const contextAt = contextsOf(contexts);
  const starts = startsOf(frequencies, alphabet);
  // A symbol costs at most twelve bits, and so a word at most.
  const bytes = new Uint8Array(symbols.length * 2 + stateBytes);
  let to = bytes.length;
  const states = new Uint32Array(laneCount).fill(lowestState);
  const length = laneLength(symbols.length);
  for (let step = length - 1; step >= 0; step--) {
    for (let lane = laneCount - 1; lane >= 0; lane--) {
      const at = lane * length + step;
      const cell = contextAt(symbols, at, step) * alphabet + (symbols[at] as number);
      const frequency = frequencies[cell] as number;
      let state = states[lane] as number;
      if (state >= frequency * 2 ** 19) {
        bytes[--to] = state >>> 8;
        bytes[--to] = state;
        state >>>= 16;
      }
      const quotient = (state / frequency) | 0;
      states[lane] = quotient * slotCount + (state - quotient * frequency) + (starts[cell] as number);
    }
  }
  const rest = symbols.subarray(laneCount * length);
  to -= stateBytes + rest.length;
  bytes.set(rest, to);
  const view = new DataView(bytes.buffer, to + rest.length);
  for (let lane = 0; lane < laneCount; lane++) view.setUint32(lane * 4, states[lane] as number, true);
  return bytes.slice(to);
}

export function decodeSymbols(
  bytes: Uint8Array,
  count: number,
  contexts: SymbolContexts,
  frequencies: Uint16Array,
): Uint8Array<ArrayBuffer> | undefined {
  const { alphabet } = contexts;
  const rest = restOf(bytes, count, alphabet);
  if (rest === undefined) return undefined;
  const contextAt = contextsOf(contexts);
  const starts = startsOf(frequencies, alphabet);
  const slots = slotsOf(frequencies, alphabet);
  const symbols = new Uint8Array(count);
  symbols.set(rest, count - rest.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let from = rest.length;
  const states = Uint32Array.from({ length: laneCount }, (_, lane) => view.getUint32(from + lane * 4, true));
  if (!states.every(isState)) return undefined;
  from += stateBytes;
  const length = laneLength(count);
  for (let step = 0; step < length; step++) {
    for (let lane = 0; lane < laneCount; lane++) {
      const at = lane * length + step;
      const context = contextAt(symbols, at, step);
      const state = states[lane] as number;
      const slot = state & (slotCount - 1);
      const symbol = slots[context * slotCount + slot] as number;
      const cell = context * alphabet + symbol;
      let next = (frequencies[cell] as number) * (state >>> slotBits) + slot - (starts[cell] as number);
      if (next < lowestState) {
        if (from >= bytes.length) return undefined;
        next = ((next << 16) | view.getUint16(from, true)) >>> 0;
        from += 2;
      }
      symbols[at] = symbol;
      states[lane] = next;
    }
  }
  return from === bytes.length && states.every((state) => state === lowestState) ? symbols : undefined;
}

/** The symbols of no lane, before the stream. @returns undefined if the bytes cannot be what an encoder gave */
export function restOf(bytes: Uint8Array, count: number, alphabet: number): Uint8Array | undefined {
  const rest = bytes.subarray(0, restCount(count));
  const streamBytes = bytes.length - rest.length;
  return streamBytes >= stateBytes && streamBytes % 2 === 0 && rest.every((symbol) => symbol < alphabet)
    ? rest
    : undefined;
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
