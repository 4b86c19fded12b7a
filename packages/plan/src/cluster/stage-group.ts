import {
  type ClusterDevice,
  type ClusterProblem,
  chunkTokens,
  type RankPlan,
  type ReduceTopology,
  type StagePlan,
  vocabularyUnitTokens,
} from './problem.js';
import { rankMemory, type Shard } from './rank-memory.js';
import { groupLinks } from './synchronise.js';

/** Devices that share each of their layers, with what does not depend on how many layers, or how they are divided. */
export interface StageGroup {
  readonly devices: readonly number[];
  readonly ranks: readonly ClusterDevice[];
  /** What divides attention: whole heads of keys and values, or query heads where there are more ranks than those. */
  readonly attentionUnits: number;
  readonly headsPerUnit: number;
  readonly tokenReduce: Reduce;
  readonly chunkReduce: Reduce;
  /** The hidden state to all ranks, for a token and for a chunk. */
  readonly tokenSpreadMs: number;
  readonly chunkSpreadMs: number;
  collectMs(vocabularyUnits: readonly number[]): number;
}

interface Reduce {
  readonly ms: number;
  readonly topology: ReduceTopology | undefined;
}

/** Units of each rank. */
export interface UnitShares {
  readonly attention: readonly number[];
  readonly ffn: readonly number[];
  readonly vocabulary: readonly number[];
}

export const f32Bytes = 4;

/** Undefined if there are more devices than heads or blocks to divide, or no way between some. */
export function stageGroup(problem: ClusterProblem, devices: readonly number[]): StageGroup | undefined {
  const { model, promptTokens } = problem;
  const { heads, kvHeads, ffnBlocks, hiddenSize } = model;
  const ranks = devices.flatMap((device) => problem.devices[device] ?? []);
  const headsPerUnit = ranks.length <= kvHeads ? heads / kvHeads : 1;
  const attentionUnits = heads / headsPerUnit;
  if (ranks.length > attentionUnits || ranks.length > ffnBlocks) return undefined;
  const links = groupLinks(problem, devices);
  const alone = ranks.length === 1;
  const none: Reduce = { ms: 0, topology: undefined };
  const chunkValues = hiddenSize * Math.min(chunkTokens, promptTokens);
  const group = {
    devices,
    ranks,
    attentionUnits,
    headsPerUnit,
    tokenReduce: alone ? none : links.reduce(hiddenSize),
    chunkReduce: alone ? none : links.reduce(chunkValues),
    tokenSpreadMs: alone ? 0 : links.broadcastMs(hiddenSize * f32Bytes),
    chunkSpreadMs: alone ? 0 : links.broadcastMs(chunkValues * f32Bytes),
    collectMs: (units: readonly number[]) => (alone ? 0 : links.collectMs(units.map((count) => count * logitsBytes))),
  };
  return Number.isFinite(group.tokenReduce.ms + group.tokenSpreadMs) ? group : undefined;
}

/** Logits of one unit of the vocabulary. */
const logitsBytes = vocabularyUnitTokens * f32Bytes;

/** What a rank has. A head of keys and values whose query heads are at two ranks is at both; where runs begin is not counted on. */
export function shardOf(
  { model }: ClusterProblem,
  { headsPerUnit }: StageGroup,
  layers: number,
  [attention, ffnBlocks, vocabularyUnits]: readonly [number, number, number],
): Shard {
  const queriesPerKv = model.heads / model.kvHeads;
  const heads = attention * headsPerUnit;
  const whole = headsPerUnit > 1 || queriesPerKv === 1;
  const kvHeads = whole ? heads / queriesPerKv : Math.min(model.kvHeads, Math.ceil((heads - 1) / queriesPerKv) + 1);
  return { layers, heads, kvHeads, ffnBlocks, vocabularyUnits };
}

/** A stage with its shares; undefined if a rank's memory does not do, or a way is missing. */
export function stageOf(
  problem: ClusterProblem,
  group: StageGroup,
  layers: number,
  { attention, ffn, vocabulary }: UnitShares,
): StagePlan | undefined {
  const { model, promptTokens } = problem;
  const hasHead = vocabulary.some((units) => units > 0);
  const ranks: RankPlan[] = [];
  for (const [rank, device] of group.ranks.entries()) {
    const units = [attention[rank] ?? 0, ffn[rank] ?? 0, vocabulary[rank] ?? 0] as const;
    const shard = shardOf(problem, group, layers, units);
    const memory = rankMemory(model, device, shard, problem);
    if (memory === undefined) return undefined;
    ranks.push({
      device: group.devices[rank] ?? 0,
      heads: shard.heads,
      ffnBlocks: shard.ffnBlocks,
      vocabularyUnits: shard.vocabularyUnits,
      memory,
      attentionMs: (layers * units[0] * device.token.attentionMs) / group.attentionUnits,
      ffnMs: (layers * units[1] * device.token.ffnMs) / model.ffnBlocks,
      headMs: (units[2] * device.token.headMs) / model.vocabularyUnits,
    });
  }
  const most = (of: (rank: RankPlan) => number) => Math.max(...ranks.map(of));
  const computeMs = most(({ attentionMs }) => attentionMs) + most(({ ffnMs }) => ffnMs) + most(({ headMs }) => headMs);
  const syncMs = group.tokenSpreadMs + 2 * layers * group.tokenReduce.ms + (hasHead ? group.collectMs(vocabulary) : 0);
  const loadMs = most(({ memory }) => memory.loadMs);
  const chunkPart = Math.min(chunkTokens, promptTokens) / chunkTokens;
  const slowest = (units: readonly number[], of: (device: ClusterDevice) => number) =>
    Math.max(...group.ranks.map((device, rank) => (units[rank] ?? 0) * of(device)));
  const chunkComputeMs =
    layers *
    chunkPart *
    (slowest(attention, ({ chunk }) => chunk.attentionMs) / group.attentionUnits +
      slowest(ffn, ({ chunk }) => chunk.ffnMs) / model.ffnBlocks);
  const chunkSyncMs = group.chunkSpreadMs + 2 * layers * group.chunkReduce.ms;
  if (!Number.isFinite(syncMs + chunkSyncMs)) return undefined;
  return {
    layers,
    ranks: ranks as [RankPlan, ...RankPlan[]],
    tokenTopology: group.tokenReduce.topology,
    chunkTopology: group.chunkReduce.topology,
    computeMs,
    syncMs,
    reduceMs: group.tokenReduce.ms,
    loadMs,
    tokenMs: Math.max(computeMs + syncMs, loadMs),
    chunkMs: Math.max(chunkComputeMs + chunkSyncMs, loadMs),
  };
}
