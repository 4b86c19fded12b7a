import { setImmediate } from 'node:timers/promises';
import type { CancelSignal } from '@cutpoint/core';
import type { DecoderCodes } from '@cutpoint/gpu';
import { DecoderRange } from '../decode/decoder-range.js';
import type { RangeDecoder } from '../decode/range-decoder.js';
import { readTuning } from '../gpu/tuning-file.js';
import { WgpuRange } from '../gpu/wgpu-range.js';
import type { CacheChoice } from '../graph/cache-kind.js';
import type { LayerRange } from '../graph/range.js';
import { partsIn } from '../package/parts-in-folder.js';
import type { Package } from '../package/read-package.js';

/** What computes layers: the runtime with one of its providers, or with `wgpu` our own kernels on a GPU. */
export type RangeProvider = 'cpu' | 'webgpu' | 'cuda' | 'wgpu';

export interface OpenRangeOptions {
  readonly threads: number;
  readonly cache: CacheChoice;
  /** Tokens of all texts that a GPU's cache is laid out for. Default: one whole context. */
  readonly cacheTokens?: number | undefined;
  /** Widths in which our own kernels multiply. Default: weights as the package has them, times f32. */
  readonly codes?: DecoderCodes | undefined;
  readonly signal?: CancelSignal | undefined;
}

/**
 * Opens layers of a package on a provider.
 * @throws CutpointError as `DecoderRange.open` or `WgpuRange.open`.
 */
export async function openRange(
  provider: RangeProvider,
  { folder, manifest }: Package,
  range: LayerRange,
  { threads, cache, cacheTokens, codes, signal }: OpenRangeOptions,
): Promise<RangeDecoder> {
  if (provider === 'wgpu') {
    const pause = () => setImmediate();
    return await WgpuRange.open(partsIn(folder), manifest, range, { cacheTokens, codes, tuning: readTuning, pause });
  }
  return await DecoderRange.open(folder, manifest, range, { threads, cache, provider, ...(signal && { signal }) });
}
