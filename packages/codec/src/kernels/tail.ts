/** Bins of a magnitude: the exponent and four bits of the fraction of its binary32. */
const binShift = 19;
export const magnitudeBins = 0x80_00_00_00 >>> binShift;
const lastBin = 0x7e_80_00_00 >>> binShift;

/**
 * The magnitude above which at most floor(rho * number of elements) elements lie: the smallest f32 with that property
 * whose bits are those of the last before a bin begins, bins being 2^19 patterns each. Never above the last before 2^126,
 * so that what is larger, infinite or no number is above it anyhow. 0 for rho 1.
 */
export function tailMagnitude(values: Float32Array, rho: number): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const counts = new Uint32Array(magnitudeBins);
  for (let i = 0; i < bits.length; i++) {
    const bin = ((bits[i] ?? 0) & 0x7f_ff_ff_ff) >>> binShift;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const most = Math.floor(rho * bits.length);
  let first = magnitudeBins;
  let above = 0;
  while (first > 0 && above + (counts[first - 1] ?? 0) <= most) above += counts[--first] ?? 0;
  return endOfBin(first - 1);
}

/** The largest magnitude of a bin, and of the last before 2^126 for any above it; 0 for the bin -1. */
export function endOfBin(bin: number): number {
  const boundary = Math.min(bin + 1, lastBin) << binShift;
  word[0] = Math.max(boundary - 1, 0);
  return number[0] as number;
}

/** The same four bytes, as bits and as a number. */
const word = new Uint32Array(1);
const number = new Float32Array(word.buffer);
