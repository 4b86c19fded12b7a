import type { ClusterModel, ClusterProblem, WeightBytes } from './problem.js';

/** Four bits a weight. */
const weights = (elements: number): WeightBytes => ({ heldBytes: 0.7 * elements, fileBytes: 0.5625 * elements });

/** The shape llama-2-70b. */
export const seventyBillion: ClusterModel = {
  layers: 80,
  hiddenSize: 8192,
  heads: 64,
  kvHeads: 8,
  ffnBlocks: 224,
  vocabularyUnits: 500,
  weights: {
    queryHead: weights(2 * 8192 * 128),
    kvHead: weights(2 * 8192 * 128),
    ffnBlock: weights(3 * 8192 * 128),
    vocabularyUnit: weights(64 * 8192),
  },
  multiplications: { layer: 8192 * (144 * 128 + 3 * 28_672), head: 8192 * 32_000 },
  layerBytes: 65_536,
  cacheBytes: 512,
  cacheStepTokens: 256,
  processBytes: 120e6,
  passBytes: { token: 163_840, queryHead: 3072, ffnBlock: 2048, score: 4 },
};

/** Eight devices of 0.1 to 0.23 s for each layer of a token, one kind of link between all. */
export function eightDevices(memoryBytes: number, roundTripMs: number): ClusterProblem {
  const way = { fixedMs: roundTripMs / 2, bytesPerS: 1e8 };
  const places = Array.from({ length: 8 }, (_, i) => i);
  return {
    model: seventyBillion,
    devices: places.map((i) => {
      const layerMs = 100 * (1 + ((i * 7) % 5) / 3);
      return {
        id: `device-${i}`,
        memoryBytes: memoryBytes * (1 + ((i * 3) % 4) / 10),
        token: { attentionMs: 0.2 * layerMs, ffnMs: 0.8 * layerMs, headMs: 0.3 * layerMs },
        chunk: { attentionMs: 5 * layerMs, ffnMs: 20 * layerMs },
        disk: { bytesPerS: 5e8, prepareLayerMs: 3 },
      };
    }),
    ways: places.map((a) => places.map((b) => (a === b ? undefined : way))),
    rank0: 0,
    promptTokens: 256,
    lengthTokens: 512,
    valueBytes: 4,
  };
}
