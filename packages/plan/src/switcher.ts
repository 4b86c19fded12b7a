import { CutpointError } from '@cutpoint/core';

/** What is known of a link at a moment: a value, and how far the times of messages may be off, as a share. */
export interface LinkState {
  readonly up: { readonly fixedMs: number; readonly bytesPerS: number };
  readonly down: { readonly fixedMs: number; readonly bytesPerS: number };
  readonly uncertainty: number;
}

export interface SwitcherOptions<P extends object> {
  /** Precomputed, at least one; the first is used at the start. */
  readonly plans: readonly P[];
  /** What a plan would cost over a link; less is better. `Infinity`: it cannot be used. */
  costOf(plan: P, link: Omit<LinkState, 'uncertainty'>): number;
  /** A share of the present plan's cost that another must save. Default 0.1. */
  readonly minGain?: number;
  /** In so many observations one after the other. Default 3. */
  readonly sustain?: number;
  /** So long after a switch none follows. Default 5000. */
  readonly minDwellMs?: number;
}

export interface Switcher<P extends object> {
  readonly plan: P;
  /** Tells what the link is like now; true if the plan has changed. */
  observe(link: LinkState, nowMs: number): boolean;
}

/**
 * Decides which of several plans to use while a link changes. Another plan is taken when it saves `minGain` at what is
 * estimated, and is no worse at either end of the uncertainty, `sustain` times running, and `minDwellMs` after the last switch.
 * @throws CutpointError CUT_USAGE without plans.
 */
export function createSwitcher<P extends object>(options: SwitcherOptions<P>): Switcher<P> {
  const { plans, costOf, minGain = 0.1, sustain = 3, minDwellMs = 5000 } = options;
  const [first] = plans;
  if (first === undefined) throw new CutpointError('CUT_USAGE', 'There is no plan to switch between.');
  let present = first;
  let better = 0;
  let switchedMs = -Infinity;
  return {
    get plan() {
      return present;
    },
    observe(link, nowMs) {
      const best = cheapest(plans, link, costOf);
      const gains = costOf(best, link) < costOf(present, link) * (1 - minGain);
      const surely = [link.uncertainty, -link.uncertainty].every((share) => {
        const end = stretched(link, 1 + share);
        return costOf(best, end) <= costOf(present, end);
      });
      better = gains && surely ? better + 1 : 0;
      if (better < sustain || nowMs - switchedMs < minDwellMs) return false;
      present = best;
      better = 0;
      switchedMs = nowMs;
      return true;
    },
  };
}

function cheapest<P extends object>(plans: readonly P[], link: LinkState, costOf: SwitcherOptions<P>['costOf']): P {
  const costs = plans.map((plan) => costOf(plan, link));
  const least = costs.reduce((a, b) => Math.min(a, b), Infinity);
  return plans[Math.max(0, costs.indexOf(least))] as P;
}

/** The link if all its times were longer by this factor. */
function stretched({ up, down }: LinkState, factor: number): Omit<LinkState, 'uncertainty'> {
  const safe = Math.max(factor, 1e-3);
  const direction = ({ fixedMs, bytesPerS }: LinkState['up']) => ({
    fixedMs: fixedMs * safe,
    bytesPerS: bytesPerS / safe,
  });
  return { up: direction(up), down: direction(down) };
}
