import { tryCosts } from './costs.js';
import { keepsLimits, measures, type PlanLimits } from './limits.js';
import type { Plan, PlanChoice, PlanProblem } from './problem.js';

/** One device alone: the plan, or why it cannot be. `device` is its id. */
export type Baseline =
  | { readonly device: string; readonly plan: Plan }
  | { readonly device: string; readonly plan?: Plan; readonly infeasible: string };

/**
 * What every plan has to beat: each device alone. The first has the input; to another the input is sent (cut 0), in the codec
 * that loses least and of those is fastest. One over a limit is marked infeasible and has its plan all the same.
 */
export function baselinesOf(problem: PlanProblem, limits: PlanLimits = {}): Baseline[] {
  return problem.devices.map(({ id }, device) => {
    const choices: PlanChoice[] =
      device === 0
        ? [{ devices: [0], cuts: [], codecs: [] }]
        : problem.codecs.map((codec) => ({ devices: [0, device], cuts: [0], codecs: [codec.id] }));
    let best: Plan | undefined;
    let why = 'there is no codec';
    for (const choice of choices) {
      const costs = tryCosts(problem, choice);
      if (typeof costs === 'string') why = costs;
      else if (best === undefined || isBetter(costs, best)) best = { ...choice, ...costs };
    }
    if (best === undefined) return { device: id, infeasible: why };
    if (keepsLimits(best, limits)) return { device: id, plan: best };
    return { device: id, plan: best, infeasible: `it exceeds ${exceeded(best, limits).join(' and ')}` };
  });
}

function isBetter(a: { accuracyLoss: number; latencyMs: number }, b: { accuracyLoss: number; latencyMs: number }) {
  return a.accuracyLoss < b.accuracyLoss || (a.accuracyLoss === b.accuracyLoss && a.latencyMs < b.latencyMs);
}

function exceeded(plan: Plan, limits: PlanLimits): string[] {
  return Object.values(measures).flatMap(({ limit }) =>
    keepsLimits(plan, { [limit]: limits[limit] }) ? [] : [`${limit} ${limits[limit]}`],
  );
}
