import { CutpointError } from '@cutpoint/core';
import { KnownPlans } from '../known-plans.js';
import { llmCandidates } from './candidates.js';
import { checkLlmProblem } from './check-problem.js';
import { type LlmLimits, llmMeasures } from './limits.js';
import { type LlmObjective, type LlmPlan, type LlmProblem, llmObjectives } from './problem.js';

export interface LlmFrontOptions {
  /** What counts; at least one. Default: all. */
  readonly objectives?: readonly LlmObjective[];
  readonly limits?: LlmLimits;
  /** At most so many plans with the same costs are listed. Default 16. */
  readonly maxTies?: number;
}

export interface LlmFront {
  readonly objectives: readonly LlmObjective[];
  /** From the best to the worst in the first objective. */
  readonly points: readonly {
    /** Plans that cost the same in every chosen objective. */
    readonly plans: readonly [LlmPlan, ...LlmPlan[]];
    /** Equals that are known and not listed. */
    readonly tiesOmitted: number;
  }[];
  /** Plans that can run, and those of them that keep the limits. */
  readonly candidates: number;
  readonly feasible: number;
  /** Measured splits that cannot be plans, with the reason, by number. */
  readonly skipped: readonly { readonly why: string; readonly splits: number }[];
}

/**
 * The exact Pareto front over every way to run a language model on an agent and a server, by full enumeration: every plan that
 * keeps the limits and that no other such plan beats, with equals. Without any the front is empty; `requireLlmFront` throws then.
 * The optimiser is that of "Adaptive Split Computing" (arXiv 2511.04002), with measured tables in place of its estimates.
 * @throws CutpointError CUT_USAGE for no or unknown objectives, or lengths that do not fit one another; CUT_CALIBRATION for
 * tables that do not.
 */
export function llmFront(problem: LlmProblem, options: LlmFrontOptions = {}): LlmFront {
  const { objectives = llmObjectives, limits = {}, maxTies = 16 } = options;
  const unknown = objectives.find((objective) => !llmObjectives.includes(objective));
  if (unknown !== undefined || objectives.length === 0 || !(maxTies >= 1)) {
    const what =
      unknown === undefined ? 'At least one objective and one plan for each point are' : `"${unknown}" is not`;
    throw new CutpointError('CUT_USAGE', `${what} to be asked for; objectives are ${llmObjectives.join(', ')}.`);
  }
  checkLlmProblem(problem);
  const candidates = llmCandidates(problem);
  const rows = candidates.all.flatMap((candidate) => {
    const plan = candidates.planOf(candidate, limits);
    return plan === undefined ? [] : [{ plan, values: valuesOf(plan, objectives) }];
  });
  // Sorted like this, a plan can be beaten by those before it alone, and equals are neighbours.
  rows.sort((a, b) => compared(a.values, b.values));
  const known = new KnownPlans(objectives.length);
  const points: [LlmPlan, ...LlmPlan[]][] = [];
  let last: Float64Array | undefined;
  for (const { plan, values } of rows) {
    if (last !== undefined && compared(last, values) === 0) points.at(-1)?.push(plan);
    else if (!known.beat(values)) {
      known.add(values);
      points.push([plan]);
      last = values;
    }
  }
  return {
    objectives,
    points: points.map(([first, ...others]) => ({
      plans: [first, ...others.slice(0, maxTies - 1)],
      tiesOmitted: Math.max(0, others.length + 1 - maxTies),
    })),
    candidates: candidates.all.length,
    feasible: rows.length,
    skipped: candidates.skipped,
  };
}

/**
 * One plan of a front: the best in the first objective, of those within `tolerance` (a share of it) the best in the second,
 * and so on. Default: the fastest per token, of equals that for the longest texts, then the fewest bytes.
 * @throws CutpointError CUT_USAGE for an empty front or no objective.
 */
export function pickLlmPlan(
  front: LlmFront,
  order: readonly LlmObjective[] = ['token-latency', 'length', 'bytes'],
  tolerance = 0,
): LlmPlan {
  let left = front.points.map(({ plans }) => plans[0]);
  for (const objective of order) {
    const values = left.map((plan) => valueIn(plan, objective));
    const best = values.reduce((least, value) => Math.min(least, value), Infinity);
    left = left.filter((_, i) => (values[i] as number) <= best + Math.abs(best) * tolerance);
  }
  const [plan] = left;
  if (plan !== undefined && order.length > 0) return plan;
  throw new CutpointError('CUT_USAGE', 'A plan is picked of a front with plans, by at least one objective.');
}

/** Such that less is better. */
function valueIn(plan: LlmPlan, objective: LlmObjective): number {
  const { cost, larger } = llmMeasures[objective];
  return larger ? -plan[cost] : plan[cost];
}

function valuesOf(plan: LlmPlan, objectives: readonly LlmObjective[]): Float64Array {
  return Float64Array.from(objectives, (objective) => valueIn(plan, objective));
}

function compared(a: Float64Array, b: Float64Array): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] as number) - (b[at] as number);
}
