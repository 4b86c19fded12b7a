import { baselinesOf } from './baselines.js';
import { type Change, changed, valueNow } from './changed-problem.js';
import { type Breakdown, stagesOf, tryCosts } from './costs.js';
import { measures, type PlanLimits } from './limits.js';
import { objectives, type Plan, type PlanChoice, type PlanProblem } from './problem.js';
import { tieFactor } from './tie.js';

/** At which value of one thing another plan ties with the chosen one. */
export interface Tie {
  readonly objective: 'latency' | 'throughput';
  readonly change: Change;
  readonly now: number;
  /** Null: never, within a factor of a thousand. */
  readonly tie: number | null;
  readonly unit: string;
}

export interface Rival {
  readonly plan: Plan;
  /** In which of the two it is better already. */
  readonly betterIn: readonly ('latency' | 'throughput')[];
  /** What would have to change for it to tie where it is worse. */
  readonly ties: readonly Tie[];
}

export interface Explanation {
  readonly plan: Plan;
  readonly breakdown: Breakdown;
  /** The stage that adds most to the latency, and the one that sets the rate, as indices into the breakdown. */
  readonly longest: number;
  readonly slowest: number;
  /** Limits that the plan uses to more than 95 %, and that single devices exceed. */
  readonly bindingLimits: readonly {
    readonly limit: keyof PlanLimits;
    readonly value: number;
    readonly bound: number;
  }[];
  readonly singles: readonly (
    | { readonly device: string; readonly plan: Plan; readonly breakdown: Breakdown; readonly exceeds?: string }
    | { readonly device: string; readonly infeasible: string }
  )[];
  readonly rivals: readonly Rival[];
}

/**
 * Why a plan: where its time goes and that of each single device, what binds, and what would have to change for the
 * alternatives (neighbours on the front, say) and the single devices to tie with it.
 * @throws CutpointError as `stagesOf`.
 */
export function explain(
  problem: PlanProblem,
  plan: Plan,
  alternatives: readonly Plan[] = [],
  limits: PlanLimits = {},
): Explanation {
  const breakdown = stagesOf(problem, plan);
  const baselines = baselinesOf(problem, limits);
  const singles = baselines.map((baseline) => {
    const exceeds = 'infeasible' in baseline ? { exceeds: baseline.infeasible } : {};
    if (baseline.plan !== undefined) {
      const { device } = baseline;
      return { device, plan: baseline.plan, breakdown: stagesOf(problem, baseline.plan), ...exceeds };
    }
    return { device: baseline.device, infeasible: 'infeasible' in baseline ? baseline.infeasible : '' };
  });
  const others = new Map<string, Plan>();
  for (const other of [...baselines.flatMap((baseline) => baseline.plan ?? []), ...alternatives]) {
    if (nameOf(other) !== nameOf(plan)) others.set(nameOf(other), other);
  }
  const { stages } = breakdown;
  return {
    plan,
    breakdown,
    longest: stages.reduce((best, { latencyMs }, i) => (latencyMs > (stages[best]?.latencyMs ?? 0) ? i : best), 0),
    slowest: breakdown.slowest,
    bindingLimits: bindingLimits(plan, limits),
    singles,
    rivals: [...others.values()].map((other) => rivalOf(problem, plan, other)),
  };
}

/** The same for the same choice. */
export function nameOf({ devices, cuts, codecs }: PlanChoice): string {
  return devices.map((device, i) => (i === 0 ? device : `${cuts[i - 1]}:${codecs[i - 1]}:${device}`)).join('-');
}

function bindingLimits(plan: Plan, limits: PlanLimits) {
  return objectives.flatMap((objective) => {
    const { limit, cost, larger } = measures[objective];
    const bound = limits[limit];
    if (bound === undefined) return [];
    const used = larger ? bound / plan[cost] : plan[cost] / bound;
    return used > 0.95 ? [{ limit, value: plan[cost], bound }] : [];
  });
}

function rivalOf(problem: PlanProblem, plan: Plan, other: Plan): Rival {
  const betterIn: ('latency' | 'throughput')[] = [];
  const ties: Tie[] = [];
  for (const objective of ['latency', 'throughput'] as const) {
    const { cost, larger } = measures[objective];
    if (larger ? other[cost] > plan[cost] : other[cost] < plan[cost]) {
      betterIn.push(objective);
      continue;
    }
    for (const change of changesFor(problem, plan, other)) {
      if (objective === 'throughput' && change.kind === 'link-delay') continue;
      const { value, unit } = valueNow(problem, change);
      const factor = tieFactor((by) => difference(problem, change, by, plan, other, objective));
      const at = (by: number) => (change.kind === 'link-rate' ? value / by : value * by);
      ties.push({ objective, change, now: value, tie: factor === undefined ? null : at(factor), unit });
    }
  }
  return { plan: other, betterIn, ties };
}

/** By how much the other plan is slower; undefined where one of them cannot run. */
function difference(
  problem: PlanProblem,
  change: Change,
  factor: number,
  plan: Plan,
  other: Plan,
  objective: 'latency' | 'throughput',
): number | undefined {
  const world = changed(problem, change, factor);
  const [ours, theirs] = [tryCosts(world, plan), tryCosts(world, other)];
  if (typeof ours === 'string' || typeof theirs === 'string') return undefined;
  if (objective === 'latency') return theirs.latencyMs - ours.latencyMs;
  return 1000 / theirs.throughputHz - 1000 / ours.throughputHz;
}

/** Links and devices that one of the plans uses. */
function changesFor(problem: PlanProblem, ...plans: readonly PlanChoice[]): Change[] {
  const links = new Set<string>();
  const devices = new Set<string>();
  for (const { devices: used, cuts } of plans) {
    for (const [i, device] of used.entries()) {
      const id = problem.devices[device]?.id;
      if (id !== undefined && !(i === 0 && cuts[0] === 0)) devices.add(id);
      const link = problem.links[device]?.[used[i + 1] ?? -1];
      if (link !== undefined) links.add(link.id);
    }
  }
  return [
    ...[...links].flatMap((id): Change[] => [
      { kind: 'link-rate', id },
      { kind: 'link-delay', id },
    ]),
    ...[...devices].map((id): Change => ({ kind: 'device-speed', id })),
  ];
}
