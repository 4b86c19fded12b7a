import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyClusterPlan } from './brute-force.testing.js';
import { clusterFront } from './front.js';
import type { ClusterProblem } from './problem.js';
import { clusterProblem } from './problem.testing.js';
import { rankMemory, type Shard } from './rank-memory.js';

const shard: fc.Arbitrary<Shard> = fc.record({
  layers: fc.integer({ min: 1, max: 4 }),
  heads: fc.integer({ min: 1, max: 4 }),
  kvHeads: fc.integer({ min: 1, max: 4 }),
  ffnBlocks: fc.integer({ min: 1, max: 5 }),
  vocabularyUnits: fc.integer({ min: 0, max: 4 }),
});

describe('what a rank loads for each token', () => {
  it('is never less for a shard that has more, whatever its weights take in memory and on disk', () => {
    let both = 0;
    const more = fc.constantFrom('heads', 'kvHeads', 'ffnBlocks', 'vocabularyUnits');
    fc.assert(
      fc.property(clusterProblem, shard, more, (problem, less, what) => {
        for (const device of problem.devices) {
          const larger = rankMemory(problem.model, device, { ...less, [what]: less[what] + 1 }, problem);
          if (larger === undefined) continue;
          const own = rankMemory(problem.model, device, less, problem);
          expect(own?.loadMs ?? Infinity).toBeLessThanOrEqual(larger.loadMs * (1 + 1e-9));
          if (larger.loadMs > 0) both++;
        }
      }),
      { numRuns: 5000 },
    );
    expect(both).toBeGreaterThan(500);
  });

  it('is the least for three heads of four where the larger half in memory is the smaller on disk', () => {
    const front = clusterFront(twoThatStream);
    const least = Math.min(...everyClusterPlan(twoThatStream).map(({ msPerToken }) => msPerToken));
    expect(front.points[0]?.msPerToken).toBe(least);
    const [lead] = front.points[0]?.stages[0].ranks ?? [];
    expect(lead).toMatchObject({ heads: 3, ffnBlocks: 3, memory: { kept: { attention: 1, ffn: 0 }, loadMs: 132 } });
  });
});

/** The feed-forward takes four times its file in memory, attention less than its file. */
const twoThatStream: ClusterProblem = {
  model: {
    layers: 2,
    hiddenSize: 1,
    heads: 4,
    kvHeads: 4,
    ffnBlocks: 5,
    vocabularyUnits: 1,
    weights: {
      queryHead: { heldBytes: 1, fileBytes: 5 },
      kvHead: { heldBytes: 1, fileBytes: 4 },
      ffnBlock: { heldBytes: 4, fileBytes: 1 },
      vocabularyUnit: { heldBytes: 1, fileBytes: 1 },
    },
    multiplications: { layer: 1, head: 1 },
    layerBytes: 0,
    cacheBytes: 0,
    cacheStepTokens: 1,
    processBytes: 0,
    passBytes: { token: 0, queryHead: 0, ffnBlock: 0, score: 0 },
  },
  devices: [streaming('small', 26, 0), streaming('large', 79, 1)],
  ways: [
    [undefined, { fixedMs: 0, bytesPerS: 2000 }],
    [{ fixedMs: 0, bytesPerS: 2000 }, undefined],
  ],
  rank0: 1,
  promptTokens: 1,
  lengthTokens: 3,
  valueBytes: 1.125,
};

function streaming(id: string, memoryBytes: number, ffnMs: number): ClusterProblem['devices'][number] {
  return {
    id,
    memoryBytes,
    token: { attentionMs: 0, ffnMs, headMs: 0 },
    chunk: { attentionMs: 0, ffnMs: 0 },
    disk: { bytesPerS: 250, prepareLayerMs: 0 },
  };
}
