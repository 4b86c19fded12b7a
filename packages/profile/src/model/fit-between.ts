import type { ModelProfile } from '@cutpoint/plan';
import type { CutCosts } from './cut-costs.js';
import type { Measured } from './fit-rates.js';
import { divided } from './interpolate.js';
import { dot } from './least-squares.js';
import { workKinds } from './node-costs.js';

/**
 * Segments between two cuts, from those between neighbouring measured cuts: what these take beside the call and what
 * crosses, one behind the other, and within each divided in proportion to the work. So a short segment follows from short
 * ones, and not from the difference of long ones.
 */
export function fitBetween(
  costs: readonly CutCosts[],
  measured: Measured,
  rates: readonly number[],
): ModelProfile['between'] {
  const sideRates = rates.slice(workKinds.length);
  const callMs = dot(costs[0]?.back.side ?? [], sideRates);
  const leaveMs = costs.map(({ front }) => dot(front.side, sideRates));
  const enterMs = costs.map(({ back }) => Math.max(0, dot(back.side, sideRates) - callMs));
  const estimatedMs = costs.map(({ front }) => dot(front.work, rates));
  const edges = [0, ...measured.anchors.map(({ cut }) => cut), costs.length - 1];
  let ms = 0;
  const places = edges.map((cut, i) => {
    const from = edges[i - 1];
    if (from !== undefined) {
      const sidesMs = (enterMs[from] ?? 0) + (leaveMs[cut] ?? 0);
      ms += Math.max(0, measuredMs(measured, from, cut, costs.length - 1) - sidesMs);
    }
    return { cut, at: estimatedMs[cut] ?? 0, ms };
  });
  const workMs = costs.map((_, cut) => divided(places, cut, estimatedMs[cut] ?? 0, true));
  return { workMs, enterMs, leaveMs };
}

/** Of a segment between neighbouring measured cuts; if it was not measured itself, what follows from the others. */
function measuredMs({ anchors, between, wholeMs }: Measured, from: number, to: number, last: number): number {
  const own = between.find((one) => one.from === from && one.to === to);
  if (own !== undefined) return own.ms;
  const frontMs = to === last ? wholeMs : (anchors.find(({ cut }) => cut === to)?.frontMs ?? 0);
  const backMs = from === 0 ? wholeMs : (anchors.find(({ cut }) => cut === from)?.backMs ?? 0);
  return frontMs + backMs - wholeMs;
}
