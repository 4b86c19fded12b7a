import { CutpointError } from '@cutpoint/core';
import { baselinesOf } from './baselines.js';
import { type ConflictOf, conflictOf } from './conflict.js';
import { type Front, type FrontOptions, paretoFront } from './front.js';
import { measures, type PlanLimits } from './limits.js';
import { objectives as everyObjective, type Objective, type PlanProblem } from './problem.js';

export type Conflict = ConflictOf<keyof PlanLimits>;

/** Which limits contradict one another, and how far each would have to be loosened. Undefined if a plan keeps them all. */
export function explainInfeasible(problem: PlanProblem, limits: PlanLimits): Conflict | undefined {
  const given = everyObjective.filter((objective) => limits[measures[objective].limit] !== undefined);
  const keep = (kept: readonly Objective[]): PlanLimits =>
    Object.fromEntries(kept.map((objective) => [measures[objective].limit, limits[measures[objective].limit]]));
  if (best(problem, 'latency', {}) === undefined) return { limits: [], sentence: noPlanAtAll(problem) };
  return conflictOf(
    {
      measures,
      limits,
      best: (objective, kept) => best(problem, objective, keep(kept)),
      possible: (kept) => best(problem, 'latency', keep(kept)) !== undefined,
    },
    given,
  );
}

/** The front, which is not empty. @throws CutpointError CUT_INFEASIBLE says which limits conflict; else as `paretoFront` */
export function requireFront(problem: PlanProblem, options: FrontOptions = {}): Front {
  const front = paretoFront(problem, options);
  if (front.points.length > 0) return front;
  const conflict = explainInfeasible(problem, options.limits ?? {});
  throw new CutpointError('CUT_INFEASIBLE', conflict?.sentence ?? 'No plan keeps the limits.');
}

/** The best value of an objective within limits; undefined if no plan keeps them. */
function best(problem: PlanProblem, objective: Objective, limits: PlanLimits): number | undefined {
  const { points } = paretoFront(problem, { objectives: [objective], limits, maxTies: 1 });
  return points[0]?.plans[0][measures[objective].cost];
}

function noPlanAtAll(problem: PlanProblem): string {
  const reasons = baselinesOf(problem).map((baseline) => ('infeasible' in baseline ? baseline.infeasible : ''));
  return `No plan can run, even without limits: ${reasons.filter((reason) => reason !== '').join('; ')}.`;
}
