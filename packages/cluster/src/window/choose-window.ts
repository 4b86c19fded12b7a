import { CutpointError } from '@cutpoint/core';
import { type HalfTimes, steadyTokenMs } from './token-time.js';
import { type HalfBytes, planWindow, type WindowPlan } from './window-plan.js';

/** More buffers than this smooth nothing that is left. */
export const deepest = 6;

/** Another depth must win so much of a token's time: times vary, and what changes must be read anew. */
const worthChanging = 0.03;

/** The plan for a depth, or the deepest that fits. @throws CutpointError CUT_WINDOW if none does. */
export function planAtMost(halves: readonly HalfBytes[], budgetBytes: number, depth: number): WindowPlan {
  try {
    return planWindow(halves, budgetBytes, depth);
  } catch (thrown) {
    if (depth > 1 && thrown instanceof CutpointError && thrown.code === 'CUT_WINDOW') {
      return planAtMost(halves, budgetBytes, depth - 1);
    }
    throw thrown;
  }
}

/**
 * The depth, and with it what stays, that makes tokens fastest by measured times. Every buffer costs half layers that could
 * stay: deeper is better only where reading would stand still.
 * @returns `present` unless another is clearly faster.
 */
export function chooseWindow(
  halves: readonly HalfBytes[],
  budgetBytes: number,
  times: readonly HalfTimes[],
  present: WindowPlan,
): WindowPlan {
  if (present.depth === 0) return present;
  const tokenMs = (plan: WindowPlan) => steadyTokenMs(times, plan.stays, plan.depth);
  let best = present;
  for (let depth = 1; depth <= deepest; depth++) {
    const plan = planAtMost(halves, budgetBytes, depth);
    if (tokenMs(plan) < tokenMs(best)) best = plan;
  }
  return tokenMs(best) < (1 - worthChanging) * tokenMs(present) ? best : present;
}
