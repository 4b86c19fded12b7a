import type { ClusterPlan, ClusterProblem, RankPlan, StagePlan } from './problem.js';

/** `tensor parallel on pi-1, pi-2`, `pi-1: 10 layers, then pi-2 with pi-3: 30 layers`. */
export function clusterPlanName({ devices }: ClusterProblem, { kind, stages }: ClusterPlan): string {
  const idsOf = ({ ranks }: StagePlan, between: string) =>
    ranks.map(({ device }) => devices[device]?.id ?? String(device)).join(between);
  if (kind === 'alone') return `${idsOf(stages[0], '')} alone`;
  if (kind === 'tensor') return `tensor parallel on ${idsOf(stages[0], ', ')}`;
  return stages.map((stage) => `${idsOf(stage, ' with ')}: ${stage.layers} layers`).join(', then ');
}

/** What one rank has, in words. */
export function shareList({ heads, ffnBlocks, vocabularyUnits }: RankPlan): string {
  const head = vocabularyUnits === 0 ? '' : `, ${vocabularyUnits} units of 64 tokens of the head`;
  return `${heads} heads, ${ffnBlocks} blocks of 128 columns${head}`;
}

/** Three digits that matter. */
export function digits(value: number): string {
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** Bytes in megabytes. */
export function megabytes(bytes: number): string {
  return `${digits(bytes / 1e6)} MB`;
}
