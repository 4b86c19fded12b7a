import { CutpointError } from '@cutpoint/core';
import type { Front } from './front.js';
import { measures } from './limits.js';
import { objectives as everyObjective, type Objective, type Plan, type PlanCosts } from './problem.js';

/** Picks by name, and the objective that each wants best. */
/** What a rule is about; `knee` is about all objectives that count. */
export const objectiveOfPick = {
  'min-latency': 'latency',
  'max-throughput': 'throughput',
  'min-energy': 'energy',
  'min-memory': 'memory',
  'min-bytes': 'bytes',
  'min-loss': 'accuracy',
} as const satisfies Record<string, Objective>;

export const pickNames = ['knee', ...(Object.keys(objectiveOfPick) as (keyof typeof objectiveOfPick)[])] as const;

/**
 * Which plan of a front to take.
 * - `knee`: see `pickPlan`. `min-...`, `max-...`: the best in one cost.
 * - `weights`: the least weighted sum of the objectives, each scaled to 0 (best on the front) to 1 (worst on it).
 * - `lexicographic`: the best in the first, of those within `tolerance` (a share, default 0) of it the best in the second, ...
 */
export type Pick =
  | (typeof pickNames)[number]
  | { readonly weights: Readonly<Partial<Record<Objective, number>>> }
  | { readonly lexicographic: readonly Objective[]; readonly tolerance?: number };

/**
 * One plan of the front; of equals the one listed first. The knee is the plan farthest from the chord (with more than two
 * objectives: the hyperplane) between the ends of the scaled front, on the side of the ideal point (I. Das, Structural
 * Optimization 18, 1999): the least sum of the scaled objectives. An objective that is the same everywhere counts nothing,
 * so the knee of one point is that point.
 * @throws CutpointError CUT_USAGE for an empty front, no or negative weights, or no objective.
 */
export function pickPlan(front: Front, pick: Pick): Plan {
  const plans = front.points.map(({ plans: [first] }) => first);
  if (plans.length === 0) throw new CutpointError('CUT_USAGE', 'Nothing can be picked of an empty front.');
  if (pick === 'knee') return leastSum(plans, new Map(front.objectives.map((objective) => [objective, 1])));
  if (typeof pick === 'string') return lexicographic(plans, [objectiveOfPick[pick]], 0);
  if ('weights' in pick) {
    const weights = new Map(everyObjective.map((objective) => [objective, pick.weights[objective] ?? 0]));
    const all = [...weights.values()];
    if (all.some((weight) => !(weight >= 0)) || all.every((weight) => weight === 0)) {
      throw new CutpointError('CUT_USAGE', 'Weights must be 0 or more, and one of them more.');
    }
    return leastSum(plans, weights);
  }
  if (pick.lexicographic.length === 0) throw new CutpointError('CUT_USAGE', 'A lexicographic pick needs an objective.');
  return lexicographic(plans, pick.lexicographic, pick.tolerance ?? 0);
}

/** A cost such that less is better. */
function costIn(plan: PlanCosts, objective: Objective): number {
  const { cost, larger } = measures[objective];
  return larger ? -plan[cost] : plan[cost];
}

function leastSum(plans: readonly Plan[], weights: ReadonlyMap<Objective, number>): Plan {
  const sums = plans.map(() => 0);
  for (const [objective, weight] of weights) {
    const values = plans.map((plan) => costIn(plan, objective));
    const best = smallest(values);
    const range = -smallest(values.map((value) => -value)) - best;
    if (weight === 0 || range === 0) continue;
    for (const [i, value] of values.entries()) sums[i] = (sums[i] ?? 0) + (weight * (value - best)) / range;
  }
  return firstWith(plans, sums, smallest(sums));
}

function lexicographic(plans: readonly Plan[], order: readonly Objective[], tolerance: number): Plan {
  let left = plans;
  for (const [i, objective] of order.entries()) {
    const values = left.map((plan) => costIn(plan, objective));
    const best = smallest(values);
    if (i === order.length - 1) return firstWith(left, values, best);
    const most = best + Math.abs(best) * tolerance;
    left = left.filter((plan) => costIn(plan, objective) <= most);
  }
  return firstWith(left, [], 0);
}

function smallest(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}

function firstWith(plans: readonly Plan[], values: readonly number[], value: number): Plan {
  const plan = plans[values.indexOf(value)];
  if (plan === undefined) throw new CutpointError('CUT_INTERNAL', 'No plan has the value that was found best.');
  return plan;
}
