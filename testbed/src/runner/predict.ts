import { type ModelProfile, type PlanChoice, type PlanProblem, stagesOf } from '@cutpoint/plan';

/** What the planner says of a plan, with its parts apart. */
export interface Prediction {
  readonly latencyMs: number;
  readonly throughputHz: number;
  readonly computeMs: number;
  readonly linkMs: number;
  readonly requestsInFlight: number;
}

/** Predicts a plan. @throws CutpointError CUT_INFEASIBLE if it cannot run. */
export function predict(problem: PlanProblem, choice: PlanChoice): Prediction {
  const { stages, costs, requestsInFlight } = stagesOf(problem, choice);
  const sum = (segments: boolean) =>
    stages
      .filter(({ kind }) => (kind === 'segment') === segments)
      .reduce((total, { latencyMs }) => total + latencyMs, 0);
  const { latencyMs, throughputHz } = costs;
  return { latencyMs, throughputHz, computeMs: sum(true), linkMs: sum(false), requestsInFlight };
}

/** A profile as it would have been had the machine been so many times slower. */
export function scaledProfile(profile: ModelProfile, factor: number): ModelProfile {
  const scale = (ms: number): number => ms * factor;
  const { workMs, enterMs, leaveMs } = profile.between;
  return {
    ...profile,
    frontMs: profile.frontMs.map(scale),
    backMs: profile.backMs.map(scale),
    wholeMs: scale(profile.wholeMs),
    between: { workMs: workMs.map(scale), enterMs: enterMs.map(scale), leaveMs: leaveMs.map(scale) },
    measured: profile.measured.map((segment) => ({
      ...segment,
      medianMs: scale(segment.medianMs),
      p10Ms: scale(segment.p10Ms),
      p90Ms: scale(segment.p90Ms),
    })),
  };
}
