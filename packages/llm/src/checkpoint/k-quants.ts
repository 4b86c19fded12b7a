import { halfToNumber } from '@cutpoint/core';

/**
 * ggml's quantisations in blocks of 256 elements, turned into floats (layouts of block_q4_K, block_q5_K and block_q6_K in
 * ggml-common.h). A block has eight parts of 32 with a scale and, in Q4_K and Q5_K, a least value each.
 * @param bytes whole blocks. @param values receives 256 floats for each.
 */
export function decodeQ4K(bytes: Uint8Array, values: Float32Array): void {
  for (let block = 0; block * 144 < bytes.length; block++) {
    const at = block * 144;
    decodeHalves(bytes, at, at + 16, undefined, values.subarray(block * 256, block * 256 + 256));
  }
}

/** As Q4_K, with a fifth bit of each element in 32 bytes of their own. */
export function decodeQ5K(bytes: Uint8Array, values: Float32Array): void {
  for (let block = 0; block * 176 < bytes.length; block++) {
    const at = block * 176;
    decodeHalves(bytes, at, at + 48, at + 16, values.subarray(block * 256, block * 256 + 256));
  }
}

function decodeHalves(
  bytes: Uint8Array,
  at: number,
  low: number,
  high: number | undefined,
  values: Float32Array,
): void {
  const scale = halfAt(bytes, at);
  const least = halfAt(bytes, at + 2);
  for (let part = 0; part < 8; part++) {
    const [six, sixLeast] = sixBits(bytes, at + 4, part);
    const d = scale * six;
    const m = least * sixLeast;
    const codes = low + (part >> 1) * 32;
    const shift = (part & 1) * 4;
    for (let i = 0; i < 32; i++) {
      const fifth = high === undefined ? 0 : (((bytes[high + i] ?? 0) >> part) & 1) << 4;
      values[part * 32 + i] = d * ((((bytes[codes + i] ?? 0) >> shift) & 15) | fifth) - m;
    }
  }
}

/** Scale and least value of a part: twice eight numbers of six bits in twelve bytes, the last four of each in two places. */
function sixBits(bytes: Uint8Array, at: number, part: number): [number, number] {
  const byte = (i: number) => bytes[at + i] ?? 0;
  if (part < 4) return [byte(part) & 63, byte(part + 4) & 63];
  return [(byte(part + 4) & 15) | ((byte(part - 4) >> 6) << 4), (byte(part + 4) >> 4) | ((byte(part) >> 6) << 4)];
}

/** Sixteen parts of 16 elements, six bits each: four in one array and two in another, less 32. */
export function decodeQ6K(bytes: Uint8Array, values: Float32Array): void {
  for (let block = 0; block * 210 < bytes.length; block++) {
    const at = block * 210;
    const scale = halfAt(bytes, at + 208);
    for (let half = 0; half < 2; half++) {
      const low = at + half * 64;
      const high = at + 128 + half * 32;
      const scales = at + 192 + half * 8;
      for (let quarter = 0; quarter < 4; quarter++) {
        const codes = low + (quarter & 1) * 32;
        const shift = (quarter >> 1) * 4;
        const to = block * 256 + half * 128 + quarter * 32;
        for (let i = 0; i < 32; i++) {
          const upper = ((bytes[high + i] ?? 0) >> (quarter * 2)) & 3;
          const code = (((bytes[codes + i] ?? 0) >> shift) & 15) | (upper << 4);
          const own = ((bytes[scales + quarter * 2 + (i >> 4)] ?? 0) << 24) >> 24;
          values[to + i] = scale * own * (code - 32);
        }
      }
    }
  }
}

function halfAt(bytes: Uint8Array, at: number): number {
  return halfToNumber((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
}
