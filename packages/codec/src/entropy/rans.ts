import { CutpointError } from '@cutpoint/core';

/**
 * Range asymmetric numeral system (Duda, arXiv 1311.2540; byte-wise as Giesen, "rans_byte"): a symbol of frequency f out
 * of 2^14 costs log2(2^14 / f) bits. Integers below 2^31 alone are computed with, so that the bytes are the same on every
 * machine. What is put first is decoded first. The state with which the encoder begins is the one with which the decoder
 * ends. It costs three bytes whatever it is, so it is a hash of all that was put: of changed bytes that still decode to
 * something, one in 2^23 goes unnoticed.
 */
export const scaleBits = 14;
export const scale = 1 << scaleBits;
const lowest = 1 << 23;

/** The hash after one more symbol; any change of one symbol changes it. */
function hashed(hash: number, op: number): number {
  const mixed = Math.imul(hash ^ op, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

/** The state that stands for a hash: one of the lowest 2^23. */
function stateOf(hash: number): number {
  return lowest + (hash >>> 9);
}

/** Where a decoder stands: the next byte, its state, and the hash of all symbols so far. */
export interface RansPosition {
  readonly at: number;
  readonly state: number;
  readonly hash: number;
}

/** Takes symbols as parts of the scale, first to last. */
export class RansEncoder {
  #ops = new Uint32Array(1024);
  #count = 0;

  /** A symbol that owns the `frequency` slots from `start` on; 1 <= frequency <= scale, start + frequency <= scale. */
  put(start: number, frequency: number): void {
    if (this.#count === this.#ops.length) this.#grow(this.#count + 1);
    this.#ops[this.#count++] = (start << 15) | frequency;
  }

  /** Symbols that a kernel has looked up: of each `start << 15 | frequency`, as `put` takes them. */
  putAll(ops: Uint32Array): void {
    if (this.#count + ops.length > this.#ops.length) this.#grow(this.#count + ops.length);
    this.#ops.set(ops, this.#count);
    this.#count += ops.length;
  }

  #grow(least: number): void {
    const longer = new Uint32Array(Math.max(least, this.#ops.length * 2));
    longer.set(this.#ops);
    this.#ops = longer;
  }

  /** Bits as they are, `width` up to 14 of them. */
  putBits(value: number, width: number): void {
    if (width > 0) this.put(value << (scaleBits - width), 1 << (scaleBits - width));
  }

  /** All that was put, as `putAll` takes it: for a kernel that makes the bytes. */
  get ops(): Uint32Array {
    return this.#ops.subarray(0, this.#count);
  }

  /** The bytes of all that was put. */
  finish(): Uint8Array<ArrayBuffer> {
    const ops = this.#ops;
    // No symbol takes more than two bytes, as the rarest costs 14 bits; four are of the last state.
    const bytes = new Uint8Array(this.#count * 2 + 4);
    let at = bytes.length;
    let hash = 0;
    for (let i = 0; i < this.#count; i++) hash = hashed(hash, ops[i] ?? 0);
    let state = stateOf(hash);
    for (let i = this.#count - 1; i >= 0; i--) {
      const op = ops[i] ?? 0;
      const frequency = op & 0x7fff;
      if (frequency === scale) continue;
      const most = frequency << 17;
      while (state >= most) {
        bytes[--at] = state;
        state >>>= 8;
      }
      const quotient = (state / frequency) | 0;
      state = (quotient << scaleBits) + (state - quotient * frequency) + (op >>> 15);
    }
    for (let i = 0; i < 4; i++) {
      bytes[--at] = state;
      state >>>= 8;
    }
    return bytes.slice(at);
  }
}

/** Gives back what an encoder took, if asked in the same order with the same parts of the scale. */
export class RansDecoder {
  readonly bytes: Uint8Array;
  #at = 4;
  #state: number;
  #hash = 0;

  /** @throws CutpointError CUT_CODEC_PAYLOAD if the bytes cannot be the encoder's. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const [a = 0, b = 0, c = 0, d = 0] = bytes;
    this.#state = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    if (bytes.length < 4 || this.#state < lowest || this.#state > 0x7f_ff_ff_ff) throw corrupt();
  }

  /** For a kernel that goes on from here. */
  get position(): RansPosition {
    return { at: this.#at, state: this.#state, hash: this.#hash };
  }

  /** Goes on from where a kernel has come to. */
  moveTo({ at, state, hash }: RansPosition): void {
    this.#at = at;
    this.#state = state;
    this.#hash = hash;
  }

  /** The slot, 0 to scale - 1, that tells which symbol is next. */
  get slot(): number {
    return this.#state & (scale - 1);
  }

  /** Goes past the symbol that owns the slot. @throws CutpointError CUT_CODEC_PAYLOAD at the end of the bytes. */
  pass(start: number, frequency: number): void {
    this.#hash = hashed(this.#hash, (start << 15) | frequency);
    let state = Math.imul(frequency, this.#state >>> scaleBits) + (this.#state & (scale - 1)) - start;
    while (state < lowest) {
      if (this.#at >= this.bytes.length) throw corrupt();
      state = (state << 8) | (this.bytes[this.#at++] ?? 0);
    }
    this.#state = state;
  }

  /** Bits as they are. @throws CutpointError CUT_CODEC_PAYLOAD at the end of the bytes. */
  bits(width: number): number {
    if (width === 0) return 0;
    const value = this.slot >>> (scaleBits - width);
    this.pass(value << (scaleBits - width), 1 << (scaleBits - width));
    return value;
  }

  /** To be called after the last symbol. @throws CutpointError CUT_CODEC_PAYLOAD if the bytes do not end here, or were changed. */
  end(): void {
    if (this.#at !== this.bytes.length || this.#state !== stateOf(this.#hash)) throw corrupt();
  }
}

/** What a decoder throws where symbols are not those of an encoder. */
export function corrupt(): CutpointError {
  return new CutpointError('CUT_CODEC_PAYLOAD', 'The coded symbols are damaged or cut short: send the tensor again.');
}
