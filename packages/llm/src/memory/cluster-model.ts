import { type ClusterModel, ffnBlockColumns, vocabularyUnitTokens } from '@cutpoint/plan';
import { capacityStepTokens } from '../decode/kv-cache.js';
import { type CacheKind, cachedHeadBytes } from '../graph/cache-kind.js';
import type { PackageManifest, StoredWeight } from '../package/package-manifest.js';
import { heldBytes } from './held-bytes.js';

/** What a rank's process takes before it opens layers: Node, the runtime, sockets, and what Node lets lie; a stated figure. */
const rankProcessBytes = 120e6;

/** The sizes of a package, as planning a cluster takes them. Where layers differ, all count as the largest. */
export function clusterModel({ config, layers, head }: PackageManifest, cache: CacheKind): ClusterModel {
  const { heads, kvHeads, headSize, hiddenSize, ffnSize, vocabularySize } = config;
  const ffnBlocks = Math.ceil(ffnSize / ffnBlockColumns);
  const vocabularyUnits = Math.ceil(vocabularySize / vocabularyUnitTokens);
  const f32 = Float32Array.BYTES_PER_ELEMENT;
  const largest = (of: (weight: StoredWeight) => number, name: 'qkv' | 'out' | 'gateUp' | 'down') =>
    Math.max(0, ...layers.map(({ weights }) => (weights[name] === undefined ? 0 : of(weights[name]))));
  const unitBytes = (of: (weight: StoredWeight) => number) => {
    const perHead = largest(of, 'qkv') / (heads + 2 * kvHeads);
    return {
      queryHead: perHead + largest(of, 'out') / heads,
      kvHead: 2 * perHead,
      ffnBlock: (largest(of, 'gateUp') + largest(of, 'down')) / ffnBlocks,
      vocabularyUnit: (head.weights.matrix === undefined ? 0 : of(head.weights.matrix)) / vocabularyUnits,
    };
  };
  const held = unitBytes(heldBytes);
  const file = unitBytes(fileBytes);
  return {
    layers: config.layers,
    hiddenSize,
    heads,
    kvHeads,
    ffnBlocks,
    vocabularyUnits,
    weights: {
      queryHead: { heldBytes: held.queryHead, fileBytes: file.queryHead },
      kvHead: { heldBytes: held.kvHead, fileBytes: file.kvHead },
      ffnBlock: { heldBytes: held.ffnBlock, fileBytes: file.ffnBlock },
      vocabularyUnit: { heldBytes: held.vocabularyUnit, fileBytes: file.vocabularyUnit },
    },
    multiplications: {
      layer: hiddenSize * ((2 * heads + 2 * kvHeads) * headSize + 3 * ffnSize),
      head: hiddenSize * vocabularySize,
    },
    layerBytes: 2 * f32 * hiddenSize,
    cacheBytes: 2 * cachedHeadBytes(cache, headSize),
    cacheStepTokens: capacityStepTokens,
    processBytes: rankProcessBytes,
    passBytes: {
      // What comes before and behind a half, the sum, and two messages on their way.
      token: 5 * f32 * hiddenSize,
      // Queries, keys and values as one matrix gives them and as attention takes them.
      queryHead: 6 * f32 * headSize,
      // Gate and up as one matrix gives them and as two.
      ffnBlock: 4 * f32 * ffnBlockColumns,
      score: f32,
    },
  };
}

function fileBytes(weight: StoredWeight): number {
  if (weight.kind === 'float') return weight.span.bytes;
  return weight.codes.bytes + weight.scales.bytes + (weight.zeroPoints?.bytes ?? 0);
}
