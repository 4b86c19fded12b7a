import { CutpointError } from '@cutpoint/core';
import { llmMemoryParts, sumOfMemory } from '@cutpoint/plan';
import type { CacheChoice } from '../graph/cache-kind.js';
import type { LayerRange } from '../graph/range.js';
import type { PackageManifest } from '../package/package-manifest.js';
import { modelSizes } from './model-sizes.js';
import { weightSizesOf } from './weight-sizes.js';

/** Where layers are opened, and what else could be done there. */
export interface MemoryPlace {
  readonly where: string;
  readonly advice: string;
}

/**
 * Asks before layers are opened whether there is memory for them, with the shortest of texts.
 * @param freeBytes what the process could have.
 * @throws CutpointError CUT_MEMORY
 */
export function requireMemory(
  manifest: PackageManifest,
  range: LayerRange,
  { cache, freeBytes, where, advice }: MemoryPlace & { readonly cache: CacheChoice; readonly freeBytes: number },
): void {
  const needBytes = leastMemoryBytes(manifest, range, cache);
  if (needBytes <= freeBytes) return;
  const [need, free] = [needBytes, freeBytes].map((bytes) => `${Math.round(bytes / 1e6)} MB`);
  const { from, to, head } = range;
  const layers = `Layers ${from} to ${to} of ${manifest.name}${head ? ' and the head' : ''}`;
  throw new CutpointError('CUT_MEMORY', `${layers} take ${need} at least, but ${free} are free ${where}; ${advice}.`);
}

/** What layers take in memory beside the process itself, with a text of one token, in bytes. */
export function leastMemoryBytes(
  manifest: PackageManifest,
  { from, to, head }: LayerRange,
  cache: CacheChoice,
): number {
  const weights = weightSizesOf(manifest);
  const sizes = modelSizes(manifest.config);
  const layerBytes = weights.layerBytes.slice(from, to).reduce((sum, bytes) => sum + bytes, 0);
  const held = {
    weightBytes: layerBytes + (head ? weights.headBytes : 0),
    roleBytes: 0,
    loadBytes: Math.max(from < to ? weights.loadBytes.layers : 0, head ? weights.loadBytes.head : 0),
    layers: to - from,
    cacheBytes: cache === 'none' ? undefined : sizes.cacheBytes[cache],
  };
  const ownProcess = { baseBytes: 0, perWeightByte: 1 };
  return sumOfMemory(llmMemoryParts(sizes, ownProcess, held, { tokens: 1, chunkTokens: 1 }));
}
