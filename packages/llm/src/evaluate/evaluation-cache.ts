import type { DecoderRangeOptions } from '../decode/decoder-range.js';
import type { CacheKind } from '../graph/cache-kind.js';

/** Tokens that run at once where a cache is narrow: what a pass adds to it is read rounded by later passes only. */
const narrowChunkTokens = 16;

/** How a range is opened to measure what caches of this kind cost. */
export function evaluationCache(cache: CacheKind = 'f32'): Pick<DecoderRangeOptions, 'cache' | 'chunkTokens'> {
  return cache === 'f32' ? { cache } : { cache, chunkTokens: narrowChunkTokens };
}
