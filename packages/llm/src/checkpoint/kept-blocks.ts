import { halfToNumber } from '@cutpoint/core';
import type { WeightPiece } from '../package/weight-content.js';

/**
 * Rows of Q4_0 as blocks of 4 or 8 bits with the same scales: exactly the numbers that llama.cpp computes with. ggml pairs
 * elements i and i + 16 in a byte, packages neighbours.
 */
export function keepQ40(bytes: Uint8Array, bits: 4 | 8): WeightPiece {
  const blocks = bytes.length / 18;
  const values = new Uint8Array(blocks * 4 * bits);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const at = block * 18;
    scales[block] = halfToNumber((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
    for (let i = 0; i < 16; i++) {
      const byte = bytes[at + 2 + i] ?? 0;
      if (bits === 8) {
        values[block * 32 + i] = (byte & 15) + 120;
        values[block * 32 + 16 + i] = (byte >> 4) + 120;
      } else {
        const to = block * 16 + (i >> 1);
        const shift = (i & 1) * 4;
        values[to] = (values[to] ?? 0) | ((byte & 15) << shift);
        values[to + 8] = (values[to + 8] ?? 0) | ((byte >> 4) << shift);
      }
    }
  }
  return { values, scales: new Uint8Array(scales.buffer), zeroPoints: new Uint8Array(0) };
}

/** Rows of Q8_0 as blocks of 8 bits with the same scales. */
export function keepQ80(bytes: Uint8Array): WeightPiece {
  const blocks = bytes.length / 34;
  const values = new Uint8Array(blocks * 32);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const at = block * 34;
    scales[block] = halfToNumber((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
    for (let i = 0; i < 32; i++) values[block * 32 + i] = (bytes[at + 2 + i] ?? 0) ^ 0x80;
  }
  return { values, scales: new Uint8Array(scales.buffer), zeroPoints: new Uint8Array(0) };
}
