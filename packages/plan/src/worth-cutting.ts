import type { Baseline } from './baselines.js';
import type { Plan } from './problem.js';
import type { ModelProfile } from './profiles.js';

/** What is gained by less than this is gained on paper. */
const leastNoise = 0.05;
/** What varies by more says nothing about the device. */
const mostNoise = 0.5;

/**
 * How far the times of a device vary by themselves: half of what lies between the 10th and the 90th percentile of the whole
 * model's, as a share of the median; from 0.05 to 0.5.
 */
export function noiseOf({ measured, cuts }: ModelProfile): number {
  const whole = measured.find(({ from, to }) => from === 0 && to === cuts.length - 1);
  const spread = whole === undefined ? 0 : (whole.p90Ms - whole.p10Ms) / 2 / whole.medianMs;
  return Math.min(mostNoise, Math.max(leastNoise, spread));
}

/**
 * The device alone that is to be taken instead of a plan with cuts, where the plan's gain in latency over the fastest device
 * alone is less than `noise`, a share: with every device a plan has more that can go wrong. Undefined where cutting pays, and for
 * plans that are one device alone themselves.
 */
export function simplerThan(plan: Plan, baselines: readonly Baseline[], noise: number): Plan | undefined {
  if (plan.cuts.every((cut) => cut === 0)) return undefined;
  const possible = baselines.flatMap((one) => ('infeasible' in one || one.plan === undefined ? [] : [one.plan]));
  const [fastest] = possible.sort((a, b) => a.latencyMs - b.latencyMs);
  if (fastest === undefined || fastest.accuracyLoss > plan.accuracyLoss) return undefined;
  return fastest.latencyMs * (1 - noise) <= plan.latencyMs ? fastest : undefined;
}
