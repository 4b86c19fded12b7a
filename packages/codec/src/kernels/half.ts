import { halfToNumber } from '@cutpoint/core';

const infinity = 0x7c00;
const quietNan = 0x7e00;
/** Bits of the smallest binary32 that rounds to infinity, of infinity, and of the smallest normal binary16. */
const overflowBits = 0x47_7f_f0_00;
const infinityBits = 0x7f_80_00_00;
const normalBits = 0x38_80_00_00;
/** Adding 0.5 to a subnormal leaves its binary16 fraction, rounded to even, in the lowest bits. */
const half = 0.5;
const halfBits = 0x3f_00_00_00;

/**
 * Rounds each number to the nearest binary16, ties to even (IEEE 754, roundTiesToEven); from 65,520 up it becomes
 * infinite. What is not a number becomes 0x7e00 with its sign. Gives how many finite numbers became infinite.
 */
export function toHalves(from: Float32Array, to: Uint16Array): number {
  const bits = new Uint32Array(from.buffer, from.byteOffset, from.length);
  const word = new Float32Array(1);
  const wordBits = new Uint32Array(word.buffer);
  let overflows = 0;
  for (let i = 0; i < from.length; i++) {
    const all = bits[i] ?? 0;
    const size = all & 0x7f_ff_ff_ff;
    let rounded: number;
    if (size >= overflowBits) {
      rounded = size > infinityBits ? quietNan : infinity;
      if (size < infinityBits) overflows++;
    } else if (size < normalBits) {
      word[0] = Math.abs(from[i] ?? 0) + half;
      rounded = (wordBits[0] ?? 0) - halfBits;
    } else rounded = (size - ((127 - 15) << 23) + 0xfff + ((size >>> 13) & 1)) >>> 13;
    to[i] = ((all >>> 16) & 0x8000) | rounded;
  }
  return overflows;
}

let table: Uint32Array | undefined;

/**
 * The numbers that binary16 bit patterns stand for; exact. What is not a number keeps its sign and the bits of its
 * fraction, which go to the upper ones of the binary32.
 */
export function fromHalves(from: Uint16Array, to: Float32Array): void {
  table ??= Uint32Array.from({ length: 0x1_00_00 }, (_, bits) => widened(bits));
  const places = new Uint32Array(to.buffer, to.byteOffset, to.length);
  for (let i = 0; i < from.length; i++) places[i] = table[from[i] ?? 0] ?? 0;
}

/** The bits of the binary32 that stands for the same number as a binary16. */
function widened(bits: number): number {
  const number = halfToNumber(bits);
  if (Number.isNaN(number)) return ((bits & 0x8000) << 16) | infinityBits | ((bits & 0x3ff) << 13);
  return new Uint32Array(Float32Array.of(number).buffer)[0] ?? 0;
}
