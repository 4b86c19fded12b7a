import type { RankPlan, StagePlan } from './problem.js';
import type { SteadyTimes } from './steady-state.js';

/**
 * Times of a rank's half layers, for the conditions of a steady state: all ranks wait for the slowest in each half, and what
 * stays for good is spread evenly over the layers.
 */
export function halvesOfRank({ layers, ranks, reduceMs }: StagePlan, { memory }: RankPlan): SteadyTimes[] {
  const slowest = (of: (rank: RankPlan) => number) => Math.max(...ranks.map(of)) / layers + reduceMs;
  const busyMs = { attention: slowest((rank) => rank.attentionMs), ffn: slowest((rank) => rank.ffnMs) };
  const msPerByte = memory.streamedBytes > 0 ? memory.loadMs / memory.streamedBytes : 0;
  return Array.from({ length: layers }, (_, layer) =>
    (['attention', 'ffn'] as const).map((half) => {
      const stays =
        Math.floor(((layer + 1) * memory.kept[half]) / layers) > Math.floor((layer * memory.kept[half]) / layers);
      return { busyMs: busyMs[half], readMs: stays ? 0 : memory.halfFileBytes[half] * msPerByte };
    }),
  ).flat();
}
