import { type Grouping, groupCount, groupedElements } from './kernels.js';

/**
 * Packed codes: group after group; in each, the codes of its elements in order, lowest bit first, each with as many bits
 * as the group's width. A group begins on a byte; the bits that are left over are 0. A width of 0 takes no bytes.
 */

/** Bytes that the packed codes take. */
export function packedBytes(widths: Uint8Array, length: number): number {
  let bytes = 0;
  for (let g = 0; g < widths.length; g++) bytes += ((widths[g] as number) * length + 7) >>> 3;
  return bytes;
}

/** Packs codes that lie in the tensor's order. */
export function packCodes(codes: Uint8Array, grouping: Grouping, widths: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length, inner } = grouping;
  const packed = new Uint8Array(packedBytes(widths, length));
  let to = 0;
  for (let g = 0; g < groupCount(grouping); g++) {
    const width = widths[g] ?? 0;
    if (width === 0) continue;
    const first = Math.floor(g / inner) * length * inner + (g % inner);
    let pending = 0;
    let bits = 0;
    for (let l = 0; l < length; l++) {
      pending |= (codes[first + l * inner] ?? 0) << bits;
      bits += width;
      while (bits >= 8) {
        packed[to++] = pending;
        pending >>>= 8;
        bits -= 8;
      }
    }
    if (bits > 0) packed[to++] = pending;
  }
  return packed;
}

/** The codes in the tensor's order. */
export function unpackCodes(packed: Uint8Array, grouping: Grouping, widths: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length, inner } = grouping;
  const codes = new Uint8Array(groupedElements(grouping));
  let from = 0;
  for (let g = 0; g < groupCount(grouping); g++) {
    const width = widths[g] ?? 0;
    if (width === 0) continue;
    const first = Math.floor(g / inner) * length * inner + (g % inner);
    const mask = (1 << width) - 1;
    let pending = 0;
    let bits = 0;
    for (let l = 0; l < length; l++) {
      while (bits < width) {
        pending |= (packed[from++] ?? 0) << bits;
        bits += 8;
      }
      codes[first + l * inner] = pending & mask;
      pending >>>= width;
      bits -= width;
    }
  }
  return codes;
}
