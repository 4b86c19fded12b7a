const infinityBits = 0x7f_80_00_00;
const quietNan = 0x7fc0;

/**
 * Rounds each number to the nearest bfloat16, ties to even: the upper half of the binary32, after 0x7fff plus the lowest
 * bit that stays was added to its bits. What is not a number becomes 0x7fc0 with its sign. Gives how many finite numbers
 * became infinite.
 */
export function toBfloats(from: Float32Array, to: Uint16Array): number {
  const bits = new Uint32Array(from.buffer, from.byteOffset, from.length);
  let overflows = 0;
  for (let i = 0; i < from.length; i++) {
    const all = bits[i] ?? 0;
    const size = all & 0x7f_ff_ff_ff;
    let rounded = (size + 0x7fff + ((size >>> 16) & 1)) >>> 16;
    if (size > infinityBits) rounded = quietNan;
    else if (rounded === infinityBits >>> 16 && size < infinityBits) overflows++;
    to[i] = ((all >>> 16) & 0x8000) | rounded;
  }
  return overflows;
}

/** The numbers that bfloat16 bit patterns stand for: the upper half of a binary32; exact. */
export function fromBfloats(from: Uint16Array, to: Float32Array): void {
  const bits = new Uint32Array(to.buffer, to.byteOffset, to.length);
  for (let i = 0; i < from.length; i++) bits[i] = (from[i] ?? 0) << 16;
}
