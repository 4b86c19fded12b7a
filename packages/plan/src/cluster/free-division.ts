import { divideUnits, slowestMs, type UnitCost } from './divide-units.js';
import type { ClusterProblem } from './problem.js';
import type { StageGroup } from './stage-group.js';

/** How a group divides a layer if memory is no matter, and its head: the same for any number of layers. */
export interface FreeDivision {
  /** Of one layer. */
  readonly attentionCosts: readonly UnitCost[];
  readonly ffnCosts: readonly UnitCost[];
  /** Units of each rank, each half divided such that its slowest rank takes least. */
  readonly attention: readonly number[];
  readonly ffn: readonly number[];
  /** Times that the slowest attention of a layer may take in any division, rising. */
  readonly attentionTimes: readonly number[];
  /** Units of the head by speed, by what ranks have left beside their process, and all of them at rank 0. */
  readonly heads: readonly (readonly number[])[];
}

export function freeDivision(problem: ClusterProblem, group: StageGroup): FreeDivision {
  const { ranks, attentionUnits } = group;
  const { ffnBlocks } = problem.model;
  const costsOf = (units: number, ms: readonly number[]) =>
    ms.map((whole) => ({ costMs: whole / units, least: 1, most: units }));
  const attentionCosts = costsOf(
    attentionUnits,
    ranks.map(({ token }) => token.attentionMs),
  );
  const ffnCosts = costsOf(
    ffnBlocks,
    ranks.map(({ token }) => token.ffnMs),
  );
  const attention = divideUnits(attentionUnits, attentionCosts) ?? [];
  return {
    attentionCosts,
    ffnCosts,
    attention,
    ffn: divideUnits(ffnBlocks, ffnCosts) ?? [],
    attentionTimes: timesFrom(slowestMs(attention, attentionCosts), attentionCosts, attentionUnits - ranks.length + 1),
    heads: headDivisions(problem, group),
  };
}

function timesFrom(leastMs: number, costs: readonly UnitCost[], most: number): number[] {
  const times = costs.flatMap(({ costMs }) => Array.from({ length: most }, (_, units) => (units + 1) * costMs));
  return [...new Set(times)].filter((ms) => ms >= leastMs).sort((a, b) => a - b);
}

function headDivisions({ model }: ClusterProblem, { ranks }: StageGroup): number[][] {
  const units = model.vocabularyUnits;
  const divided = (costs: readonly number[]) =>
    divideUnits(
      units,
      costs.map((costMs) => ({ costMs, least: 0, most: units })),
    ) ?? [];
  if (ranks.length === 1) return [[units]];
  return [
    divided(ranks.map(({ token }) => token.headMs)),
    divided(ranks.map(({ memoryBytes }) => 1 / Math.max(1, memoryBytes - model.processBytes))),
    ranks.map((_, rank) => (rank === 0 ? units : 0)),
  ];
}
