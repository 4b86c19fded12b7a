import { type ClusterPlan, type ClusterProblem, chunkTokens, type StagePlan } from './problem.js';
import { f32Bytes, type StageGroup } from './stage-group.js';
import { messageMs } from './synchronise.js';

/** Between stages: hidden states, from leader to leader. */
export interface Hops {
  /** One token's hidden state; that of the last stage goes back to rank 0, which has the head. */
  tokenMs(from: number, to: number): number;
  chunkMs(from: number, to: number): number;
}

export function hopsOf({ ways, model, promptTokens }: ClusterProblem): Hops {
  const bytes = model.hiddenSize * f32Bytes;
  return {
    tokenMs: (from, to) => messageMs(ways[from]?.[to], bytes),
    chunkMs: (from, to) => messageMs(ways[from]?.[to], bytes * Math.min(chunkTokens, promptTokens)),
  };
}

/**
 * A plan of its stages. A token passes one stage after the other and comes back; chunks of a prompt follow one another, each
 * stage working at one of its own, so that the slowest stage or hop sets their pace.
 */
export function assemble(
  problem: ClusterProblem,
  first: StageGroup,
  stages: readonly [StagePlan, ...StagePlan[]],
): ClusterPlan {
  const hops = hopsOf(problem);
  const leaders = stages.map(({ ranks: [leader] }) => leader.device);
  const [rank0 = 0] = leaders;
  const pairs = leaders.slice(1).map((to, i) => [leaders[i] ?? 0, to] as const);
  const backMs = stages.length === 1 ? 0 : hops.tokenMs(leaders.at(-1) ?? 0, rank0) + first.tokenSpreadMs;
  const hopMs = sum(pairs.map(([from, to]) => hops.tokenMs(from, to))) + backMs;
  const chunkHops = pairs.map(([from, to]) => hops.chunkMs(from, to));
  const chunks = Math.ceil(problem.promptTokens / chunkTokens);
  const slowest = Math.max(...stages.map(({ chunkMs }) => chunkMs), ...chunkHops);
  const through = sum(stages.map(({ chunkMs }) => chunkMs)) + sum(chunkHops);
  const several = stages.some(({ ranks }) => ranks.length > 1);
  return {
    kind: stages.length > 1 ? (several ? 'pipeline of groups' : 'pipeline') : several ? 'tensor' : 'alone',
    stages,
    hopMs,
    msPerToken: sum(stages.map(({ tokenMs }) => tokenMs)) + hopMs,
    ttftMs: through + (chunks - 1) * slowest + headMs(first, stages[0]) + backMs,
    peakBytes: Math.max(...stages.flatMap(({ ranks }) => ranks.map(({ memory }) => memory.peakBytes))),
  };
}

/** The head for one token, with the way of its logits to rank 0. */
export function headMs(group: StageGroup, { ranks }: StagePlan): number {
  return Math.max(...ranks.map((rank) => rank.headMs)) + group.collectMs(ranks.map((rank) => rank.vocabularyUnits));
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
