import { explainSteadyState, type SteadyState, type SteadyTimes, steadyState } from '@cutpoint/plan';
import type { MeasuredTimes } from './half-clock.js';
import type { WindowPlan } from './window-plan.js';

/** What a window does, and what a token costs there. */
export interface WindowReport {
  readonly plan: WindowPlan;
  /** Reading what does not stay, by the thread that reads. */
  readonly readMs: number;
  /** Opening it, by the thread that computes. */
  readonly openMs: number;
  /** Running half layers, with what ranks tell one another between two of them. */
  readonly busyMs: number;
  /** In which the thread that computes stood still for the disk. */
  readonly waitMs: number;
  readonly steady: SteadyState;
  /** The conditions of a steady state, a line each. */
  readonly explanation: readonly string[];
}

export function reportWindow(plan: WindowPlan, times: readonly MeasuredTimes[]): WindowReport {
  const streamed = times.filter((_, i) => plan.stays[i] !== true);
  const total = (of: readonly MeasuredTimes[], what: keyof MeasuredTimes) =>
    of.reduce((sum, time) => sum + time[what], 0);
  const halves: SteadyTimes[] = times.map(({ readMs, openMs, busyMs }, i) =>
    plan.stays[i] === true ? { readMs: 0, busyMs } : { readMs, busyMs: openMs + busyMs },
  );
  return {
    plan,
    readMs: total(streamed, 'readMs'),
    openMs: total(streamed, 'openMs'),
    busyMs: total(times, 'busyMs'),
    waitMs: total(streamed, 'waitMs'),
    steady: steadyState(halves),
    explanation: explainSteadyState(halves),
  };
}
