/** Values that share a scale. */
const blockLength = 32;

export function scalesBytes(count: number): number {
  return 4 * Math.ceil(count / blockLength);
}

/** Rounds to multiples of 1/127 of the largest magnitude of each block. A block with a value that is no number has no numbers. */
export function encodeBlocks(values: Float32Array, scales: Float32Array, codes: Int8Array): void {
  for (let block = 0; block < scales.length; block++) {
    const from = block * blockLength;
    const to = Math.min(values.length, from + blockLength);
    let largest = 0;
    for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(values[i] as number));
    const scale = Math.fround(largest / 127);
    scales[block] = scale;
    // Also where the scale is so small that it has few digits left.
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = from; i < to; i++) {
      codes[i] = Math.max(-127, Math.min(127, Math.round((values[i] as number) * inverse)));
    }
  }
}

export function decodeBlocks(scales: Float32Array, codes: Int8Array, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) values[i] = (codes[i] as number) * (scales[i >>> 5] as number);
}
