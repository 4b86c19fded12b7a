import { clusterPlanName, digits, megabytes, shareList } from './explain-text.js';
import { type ClusterFront, clusterFront } from './front.js';
import type { ClusterPlan, ClusterProblem, RankPlan, StagePlan } from './problem.js';
import { explainSteadyState, type SteadyState, steadyState } from './steady-state.js';
import { halvesOfRank } from './streamed-halves.js';

/** What most of a token's time in a stage is. */
export type Binding = 'compute' | 'sync' | 'disk';

export interface ClusterExplanation {
  /** By stage: what binds, and the device that is slowest at it. */
  readonly stages: readonly { readonly binding: Binding; readonly slowest: string }[];
  /** Of each rank that streams. */
  readonly steady: readonly (SteadyState & { readonly device: string })[];
  /** The fastest without each device of the plan, and tensor parallel with each that it leaves out; null where that is impossible. */
  readonly without: readonly { readonly device: string; readonly msPerToken: number | null }[];
  readonly withMore: readonly { readonly device: string; readonly plan: ClusterPlan | null }[];
  /** With one more device like the fastest of the plan; null if there are eight already. */
  readonly oneMore: { readonly like: string; readonly msPerToken: number } | null;
  readonly sentences: readonly string[];
}

/** Why a plan: what binds it, what each device gives, and what one more would do. */
export function explainClusterPlan(
  problem: ClusterProblem,
  front: ClusterFront,
  plan: ClusterPlan,
): ClusterExplanation {
  const used = plan.stages.flatMap(({ ranks }) => ranks.map(({ device }) => device));
  const idOf = (device: number) => problem.devices[device]?.id ?? String(device);
  const stages = plan.stages.map((stage) => {
    const { binding, rank } = bindingOf(stage);
    return { binding, slowest: idOf(rank.device) };
  });
  const streaming = plan.stages.flatMap((stage) =>
    stage.ranks.flatMap((rank) => (rank.memory.streamedBytes > 0 ? [{ rank, halves: halvesOfRank(stage, rank) }] : [])),
  );
  // The device with the text is in every plan.
  const others = used.length === 1 ? [] : used.filter((device) => device !== problem.rank0);
  const without = others.map((device) => ({ device: idOf(device), msPerToken: bestWithout(problem, front, device) }));
  const set = used.reduce((all, device) => all | (1 << device), 0);
  const withMore = problem.devices.flatMap(({ id }, device) =>
    used.includes(device) ? [] : [{ device: id, plan: front.bySet.get(set | (1 << device)) ?? null }],
  );
  const oneMore = withOneMore(problem, used);
  const sentences = [
    `Chosen: ${clusterPlanName(problem, plan)}, ${digits(plan.msPerToken)} ms per token.`,
    ...plan.stages.flatMap((stage, i) => stageSentences(problem, stage, stages[i]?.binding ?? 'compute')),
    ...(plan.stages.length > 1 ? [`Between stages and back a token takes ${digits(plan.hopMs)} ms.`] : []),
    ...streaming.flatMap(({ rank, halves }) =>
      explainSteadyState(halves).map((line) => `${idOf(rank.device)}, while weights stream: ${line}`),
    ),
    ...without.map(({ device, msPerToken }) => withoutSentence(plan, device, msPerToken)),
    ...withMore.map(({ device, plan: more }) => withMoreSentence(plan, device, more)),
    ...oneMoreSentence(plan, oneMore),
  ];
  const steady = streaming.map(({ rank, halves }) => ({ device: idOf(rank.device), ...steadyState(halves) }));
  return { stages, steady, without, withMore, oneMore, sentences };
}

function bindingOf(stage: StagePlan): { readonly binding: Binding; readonly rank: RankPlan } {
  const slowest = (of: (rank: RankPlan) => number) =>
    stage.ranks.reduce((most, rank) => (of(rank) > of(most) ? rank : most), stage.ranks[0]);
  const computeOf = (rank: RankPlan) => rank.attentionMs + rank.ffnMs + rank.headMs;
  if (stage.loadMs > stage.computeMs + stage.syncMs)
    return { binding: 'disk', rank: slowest(({ memory }) => memory.loadMs) };
  return { binding: stage.syncMs > stage.computeMs ? 'sync' : 'compute', rank: slowest(computeOf) };
}

function stageSentences({ devices, model }: ClusterProblem, stage: StagePlan, binding: Binding): string[] {
  const { ranks, layers, computeMs, syncMs, loadMs, reduceMs, tokenTopology, chunkTopology } = stage;
  const { rank } = bindingOf(stage);
  const ids = (of: RankPlan) => devices[of.device]?.id ?? '';
  const what = {
    compute: `${ids(rank)} is the slowest to compute`,
    sync: `what ranks send one another binds, not what they compute`,
    disk: `the disk of ${ids(rank)} binds`,
  }[binding];
  const sums =
    tokenTopology === undefined
      ? ''
      : `, ${2 * layers} sums of ${digits(reduceMs)} ms each (${tokenTopology}; ${chunkTopology} for prompts)`;
  return [
    `${layers} of ${model.layers} layers: ${digits(computeMs)} ms computing, ${digits(syncMs)} ms sending${sums}, ${digits(loadMs)} ms loading; ${what}.`,
    ...ranks.map((own) => `  ${ids(own)}: ${shareList(own)}; ${memoryText(own, layers)}.`),
  ];
}

function memoryText({ memory }: RankPlan, layers: number): string {
  const peak = `${megabytes(memory.peakBytes)} at the most`;
  if (memory.streamedBytes === 0) return `${peak}, all of it stays`;
  const { attention, ffn } = memory.kept;
  return `${peak}, of ${layers} layers ${attention} attentions and ${ffn} feed-forwards stay and ${megabytes(memory.streamedBytes)} stream for each token through a window of ${megabytes(memory.windowBytes)}`;
}

/** The fastest plan of one stage that lacks a device. */
function bestWithout({ rank0 }: ClusterProblem, { bySet }: ClusterFront, device: number): number | null {
  const possible = [...bySet].filter(
    ([set]) => ((set >> device) & 1) === 0 && (rank0 === undefined || ((set >> rank0) & 1) === 1),
  );
  return possible.length === 0 ? null : Math.min(...possible.map(([, plan]) => plan.msPerToken));
}

function withoutSentence({ msPerToken }: ClusterPlan, device: string, without: number | null): string {
  return without === null
    ? `Without ${device} no device or group holds the model.`
    : `Without ${device} a token takes ${digits(without)} ms instead of ${digits(msPerToken)}.`;
}

function withMoreSentence(plan: ClusterPlan, device: string, more: ClusterPlan | null): string {
  if (more === null)
    return `${device} is left out: no group has it and all of these, within memory and the number of heads.`;
  const [now] = plan.stages;
  const [then] = more.stages;
  const change = `computing ${digits(then.computeMs)} ms instead of ${digits(now.computeMs)}, sending ${digits(then.syncMs)} instead of ${digits(now.syncMs)}, loading ${digits(then.loadMs)} instead of ${digits(now.loadMs)}`;
  const parts = plan.stages.length === 1 ? `: ${change}` : '';
  return `${device} is left out: with it, tensor parallel, a token takes ${digits(more.msPerToken)} ms instead of ${digits(plan.msPerToken)}${parts}.`;
}

/** Tensor parallel on the devices of a plan, and a copy of the fastest that has the same links. */
function withOneMore(problem: ClusterProblem, used: readonly number[]): ClusterExplanation['oneMore'] {
  const { devices, ways, model } = problem;
  const layerMs = (device: number) => {
    const { attentionMs = 0, ffnMs = 0 } = devices[device]?.token ?? {};
    return attentionMs + ffnMs;
  };
  const fastest = used.reduce((best, device) => (layerMs(device) < layerMs(best) ? device : best));
  const device = devices[fastest];
  if (device === undefined || used.length >= 8 || used.length >= model.heads) return null;
  const from = [...used, fastest];
  // To its twin it has the link that the twin has to the nearest other.
  const near = used.find((other) => other !== fastest) ?? devices.findIndex((_, other) => other !== fastest);
  const twinWay = ways[fastest]?.[near];
  const wayOf = (a: number, b: number) => (a === b ? twinWay : ways[a]?.[b]);
  const larger: ClusterProblem = {
    ...problem,
    devices: from.flatMap((index) => devices[index] ?? []),
    ways: from.map((a, i) => from.map((b, k) => (i === k ? undefined : wayOf(a, b)))),
    rank0: 0,
  };
  const plan = clusterFront(larger).bySet.get((1 << from.length) - 1);
  return plan === undefined ? null : { like: device.id, msPerToken: plan.msPerToken };
}

function oneMoreSentence({ msPerToken }: ClusterPlan, oneMore: ClusterExplanation['oneMore']): string[] {
  if (oneMore === null) return [];
  const how = oneMore.msPerToken < msPerToken ? 'faster' : 'no faster';
  return [
    `One more device like ${oneMore.like}, tensor parallel with these, is ${how}: ${digits(oneMore.msPerToken)} ms per token instead of ${digits(msPerToken)}.`,
  ];
}
