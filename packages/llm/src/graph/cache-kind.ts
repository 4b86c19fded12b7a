/**
 * How keys and values are kept between passes: as computed (`f32`), in half of that (`f16`), or in about a quarter (`8`: a
 * signed byte per element, and a scale in f32 for each head of each token).
 */
export const cacheKinds = ['f32', 'f16', '8'] as const;

export type CacheKind = (typeof cacheKinds)[number];

/**
 * What becomes of keys and values behind a pass: kept in one of the kinds, or not at all (`none`): then each pass runs the
 * whole text, which takes longer the longer it is, but memory for the keys and values of one layer alone.
 */
export const cacheChoices = [...cacheKinds, 'none'] as const;

export type CacheChoice = (typeof cacheChoices)[number];

/** Bytes of one head's key, or value, of one token. */
export function cachedHeadBytes(kind: CacheKind, headSize: number): number {
  if (kind === '8') return headSize + Float32Array.BYTES_PER_ELEMENT;
  return headSize * (kind === 'f16' ? 2 : 4);
}
