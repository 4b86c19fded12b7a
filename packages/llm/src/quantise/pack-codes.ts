import type { BlockBits } from '../package/package-manifest.js';

/** Packs codes, one per byte, into `bits` each, the first in the lowest bits. `codes.length * bits` is a multiple of 8. */
export function packCodes(codes: Uint8Array, bits: BlockBits, into: Uint8Array, offset: number): void {
  if (bits === 8) {
    into.set(codes, offset);
    return;
  }
  let at = offset;
  if (bits === 4) {
    for (let i = 0; i < codes.length; i += 2) into[at++] = (codes[i] ?? 0) | ((codes[i + 1] ?? 0) << 4);
    return;
  }
  for (let i = 0; i < codes.length; i += 4) {
    const low = (codes[i] ?? 0) | ((codes[i + 1] ?? 0) << 2);
    into[at++] = low | ((codes[i + 2] ?? 0) << 4) | ((codes[i + 3] ?? 0) << 6);
  }
}

/** The code at an index of packed codes that begin at `offset`. */
export function codeAt(packed: Uint8Array, bits: BlockBits, offset: number, index: number): number {
  const bit = index * bits;
  return ((packed[offset + (bit >> 3)] ?? 0) >> (bit & 7)) & ((1 << bits) - 1);
}

/** Writes one code into packed codes that are 0 there. */
export function putCode(packed: Uint8Array, bits: BlockBits, offset: number, index: number, code: number): void {
  const bit = index * bits;
  const at = offset + (bit >> 3);
  packed[at] = (packed[at] ?? 0) | (code << (bit & 7));
}
