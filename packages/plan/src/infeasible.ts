import { CutpointError } from '@cutpoint/core';
import { baselinesOf } from './baselines.js';
import { type Front, type FrontOptions, paretoFront } from './front.js';
import { type Measure, measures, type PlanLimits } from './limits.js';
import { objectives as everyObjective, type Objective, type PlanProblem } from './problem.js';

export interface Conflict {
  /** Limits that contradict one another; without any one of them the others can be kept. Empty: no plan can run at all. */
  readonly limits: readonly {
    readonly limit: keyof PlanLimits;
    readonly asked: number;
    /** The nearest value with which a plan keeps all other limits; undefined: loosening this one alone is not enough. */
    readonly nearest: number | undefined;
  }[];
  /** Says it in words. */
  readonly sentence: string;
}

/**
 * Which limits contradict one another, by leaving out one after the other (the deletion filter of J. Chinneck and E. Dravnieks,
 * ORSA Journal on Computing 3(2), 1991), and how far each would have to be loosened. Undefined if a plan keeps them all.
 */
export function explainInfeasible(problem: PlanProblem, limits: PlanLimits): Conflict | undefined {
  const given = everyObjective.filter((objective) => limits[measures[objective].limit] !== undefined);
  const keep = (kept: readonly Objective[]): PlanLimits =>
    Object.fromEntries(kept.map((objective) => [measures[objective].limit, limits[measures[objective].limit]]));
  if (best(problem, 'latency', keep(given)) !== undefined) return undefined;
  if (best(problem, 'latency', {}) === undefined) return { limits: [], sentence: noPlanAtAll(problem) };
  let conflict = given;
  for (const objective of given) {
    const fewer = conflict.filter((other) => other !== objective);
    if (best(problem, 'latency', keep(fewer)) === undefined) conflict = fewer;
  }
  const found = conflict.map((objective) => ({
    limit: measures[objective].limit,
    asked: limits[measures[objective].limit] ?? 0,
    nearest: best(problem, objective, keep(given.filter((other) => other !== objective))),
    measure: measures[objective],
  }));
  const names = found.map(({ measure, asked }) => boundText(measure, asked));
  const others = given.filter((objective) => !conflict.includes(objective));
  const next = explainInfeasible(problem, keep(others));
  const ways = found.map(({ measure, nearest }, i) => {
    // Where other limits conflict, too, each conflict is told as if the others were gone.
    const own = conflict.filter((_, other) => other !== i);
    const objective = conflict[i];
    const value = next === undefined || objective === undefined ? nearest : best(problem, objective, keep(own));
    return value === undefined
      ? `loosening ${measure.name} alone is not enough`
      : `${boundText(measure, sufficient(value, measure.larger))} would do`;
  });
  const conflicting =
    names.length === 1 ? `No plan keeps ${names[0]}` : `No plan keeps ${names.join(' and ')} together`;
  return {
    limits: found.map(({ limit, asked, nearest }) => ({ limit, asked, nearest })),
    sentence: `${conflicting}: the others kept, ${ways.join(', or ')}.${next === undefined ? '' : ` And: ${next.sentence}`}`,
  };
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

/** Six digits of a value, rounded so that it is enough: up for what may be had at most, down for what is wanted at least. */
function sufficient(value: number, larger: boolean): number {
  if (value === 0 || Number.isInteger(value)) return value;
  const step = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 5);
  return Number(((larger ? Math.floor : Math.ceil)(value / step) * step).toPrecision(6));
}

/** Such as `latency at most 25 ms`. */
function boundText({ name, unit, larger }: Measure, value: number): string {
  const number = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  const quantity = unit === '' || unit.startsWith('/') ? `${number}${unit}` : `${number} ${unit}`;
  return `${name} at ${larger ? 'least' : 'most'} ${quantity}`;
}
