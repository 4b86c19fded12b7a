import { CutpointError } from '@cutpoint/core';
import { assemble } from './assemble.js';
import { checkClusterProblem } from './check-problem.js';
import type { Effort } from './divide-stage.js';
import { bestPipeline, goalMs, pipelineGoals } from './pipeline-search.js';
import type { ClusterPlan, ClusterProblem } from './problem.js';
import { type ShardBytes, shardBytes } from './rank-memory.js';
import { type DeviceSet, type StageTable, stageTable } from './stage-table.js';

/** One device with all of the model: its plan, or why it cannot. */
export interface DeviceAlone {
  readonly device: string;
  readonly plan: ClusterPlan | undefined;
  readonly why: string | undefined;
}

export interface ClusterFront {
  /** From the fastest per token on; no plan beats another in time per token, time to the first token and largest peak memory. */
  readonly points: readonly ClusterPlan[];
  readonly alone: readonly DeviceAlone[];
  /** The fastest per token of each kind, where there is one. */
  readonly bestOfKind: readonly ClusterPlan[];
  /** By set of devices, the fastest plan per token with exactly these devices, tensor parallel or alone. */
  readonly bySet: ReadonlyMap<DeviceSet, ClusterPlan>;
  /** False if the search was cut: there may be better plans. */
  readonly isExact: boolean;
}

/** Steps that groups may take to divide their layers, and as many within pipelines; on one core they take less than a second each. */
const mostSteps = 8e6;

/**
 * The plans that no other beats in time per token, time to the first token and memory of the rank that takes most. Candidates are each
 * device alone, every set of devices tensor parallel, and the best pipelines, of devices and of groups; each group divides its layers such that
 * a token is fastest.
 * @throws CutpointError CUT_USAGE as `checkClusterProblem`
 */
export function clusterFront(problem: ClusterProblem, steps = mostSteps): ClusterFront {
  checkClusterProblem(problem);
  const effort: Effort = { left: steps, wasCut: false };
  const table = stageTable(problem, effort);
  // The most promising first, for searches that are cut.
  const sets = Array.from({ length: table.sets }, (_, set) => ({ set, leastMs: table.leastMs(set).token }))
    .filter(({ set, leastMs }) => leastMs < Infinity && isCandidate(problem, set))
    .sort((a, b) => a.leastMs - b.leastMs);
  const bySet = new Map<DeviceSet, ClusterPlan>();
  for (const { set } of sets) {
    const plan = planOfSet(problem, table, set);
    if (plan !== undefined) bySet.set(set, plan);
  }
  const alone = problem.devices.map((_, device) => deviceAlone(problem, bySet, device));
  const groups = [...bySet.values()].filter((plan) => hasRank0(problem, plan));
  effort.left = steps;
  const candidates = [...groups, ...pipelinesOf(problem, table, groups)];
  return {
    points: unbeaten(candidates),
    alone,
    bestOfKind: bestOfKinds(candidates),
    bySet,
    isExact: !effort.wasCut,
  };
}

/** Without rank 0, a device is only looked at alone, to compare with. */
function isCandidate({ rank0 }: ClusterProblem, set: DeviceSet): boolean {
  return rank0 === undefined || ((set >> rank0) & 1) === 1 || (set & (set - 1)) === 0;
}

function planOfSet(problem: ClusterProblem, table: StageTable, set: DeviceSet): ClusterPlan | undefined {
  const group = table.group(set);
  const stage = table.stage(set, problem.model.layers, true);
  return group && stage && assemble(problem, group, [stage]);
}

/** The best pipelines of single devices in each goal, and those of groups that beat these and every group. */
function pipelinesOf(problem: ClusterProblem, table: StageTable, groups: readonly ClusterPlan[]): ClusterPlan[] {
  const every = Array.from({ length: table.sets }, (_, set) => set).filter((set) => table.group(set) !== undefined);
  const single = every.filter((set) => (set & (set - 1)) === 0);
  return pipelineGoals.flatMap((goal) => {
    const ofSingle = bestPipeline(problem, table, goal, single);
    const bound = Math.min(ofSingle?.value ?? Infinity, ...groups.map((plan) => goalMs(plan, goal)));
    const ofGroups = bestPipeline(problem, table, goal, every, bound);
    return [ofSingle, ofGroups].flatMap((found) => (found === undefined ? [] : [found.plan]));
  });
}

function hasRank0({ rank0 }: ClusterProblem, { stages: [first] }: ClusterPlan): boolean {
  return rank0 === undefined || first.ranks[0].device === rank0;
}

function deviceAlone(problem: ClusterProblem, bySet: ReadonlyMap<DeviceSet, ClusterPlan>, index: number): DeviceAlone {
  const { devices, rank0 } = problem;
  const device = devices[index]?.id ?? '';
  const plan = bySet.get(1 << index);
  if (plan === undefined) return { device, plan, why: whyNotAlone(problem, index) };
  const sees = rank0 !== undefined && rank0 !== index;
  return { device, plan, why: sees ? `it would see the text, which stays at ${devices[rank0]?.id}` : undefined };
}

/** Bytes that a device would need for the whole model. */
export function wholeModelBytes(problem: ClusterProblem): ShardBytes {
  const { layers, heads, kvHeads, ffnBlocks, vocabularyUnits } = problem.model;
  return shardBytes(problem.model, { layers, heads, kvHeads, ffnBlocks, vocabularyUnits }, problem);
}

function whyNotAlone(problem: ClusterProblem, index: number): string {
  const { memoryBytes = 0, disk } = problem.devices[index] ?? {};
  const { whole, least } = wholeModelBytes(problem);
  const may = `may take ${Math.floor(memoryBytes / 1e6)} MB`;
  // Rounded apart, so that what does not fit never reads as if it did.
  const needs = (bytes: number) => `it needs ${Math.ceil(bytes / 1e6)} MB`;
  return disk === null
    ? `${needs(whole)} and ${may}; no disk is stated to stream from`
    : `${needs(least)} even with the smallest window and ${may}`;
}

function bestOfKinds(plans: readonly ClusterPlan[]): ClusterPlan[] {
  const best = new Map<string, ClusterPlan>();
  for (const plan of plans) {
    const known = best.get(plan.kind);
    if (known === undefined || plan.msPerToken < known.msPerToken) best.set(plan.kind, plan);
  }
  return [...best.values()].sort((a, b) => a.msPerToken - b.msPerToken);
}

/** What no other plan beats; of equals the first. */
function unbeaten(plans: readonly ClusterPlan[]): ClusterPlan[] {
  const valuesOf = ({ msPerToken, ttftMs, peakBytes }: ClusterPlan) => [msPerToken, ttftMs, peakBytes] as const;
  const sorted = plans
    .map((plan) => ({ plan, values: valuesOf(plan) }))
    .sort((a, b) => a.values[0] - b.values[0] || a.values[1] - b.values[1] || a.values[2] - b.values[2]);
  const kept: typeof sorted = [];
  for (const next of sorted) {
    const isBeaten = kept.some(({ values }) => values.every((value, i) => value <= (next.values[i] as number)));
    if (!isBeaten) kept.push(next);
  }
  return kept.map(({ plan }) => plan);
}

/** The front, which is not empty. @throws CutpointError CUT_INFEASIBLE says what each device would need and may take. */
export function requireClusterFront(problem: ClusterProblem): ClusterFront {
  const front = clusterFront(problem);
  if (front.points.length > 0) return front;
  const reasons = front.alone.map(({ device, why }) => `${device} alone: ${why}`).join('; ');
  const message = `The model fits on no device, and on no group or pipeline of them: ${reasons}. Allow more memory, add devices, or use narrower weights or a shorter text.`;
  throw new CutpointError('CUT_INFEASIBLE', message);
}
