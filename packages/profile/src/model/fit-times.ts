import type { ModelProfile } from '@cutpoint/plan';
import { errorPct, median, quantile } from '../statistics.js';
import type { CutCosts, SegmentCosts } from './cut-costs.js';
import { fitBetween } from './fit-between.js';
import { fitRates, type Measured } from './fit-rates.js';
import { divided } from './interpolate.js';
import { rising } from './isotonic.js';
import { dot } from './least-squares.js';
import { workKinds } from './node-costs.js';

/** Times by cut index. */
export type Times = Pick<ModelProfile, 'frontMs' | 'backMs' | 'between'>;

/**
 * Times of the segments at every cut from those at a few. The rates of the kinds of work are fitted to what was measured
 * (non-negative least squares, pulled towards assumed rates where the measurements do not tell), and between two measured
 * cuts the measured difference is divided in proportion to the nodes' work at these rates. What nodes take never falls
 * from cut to cut; what a cut itself adds (bytes to bring out and in, nodes severed from their neighbours) does.
 */
export function fitTimes(costs: readonly CutCosts[], measured: Measured): Times {
  const { anchors, wholeMs } = measured;
  const rates = fitRates(costs, measured);
  const last = costs.length - 1;
  const curve = (side: 'front' | 'back') => {
    const own = costs.map((cost) => cost[side]);
    const known = anchors.map((anchor) => ({ cut: anchor.cut, ms: side === 'front' ? anchor.frontMs : anchor.backMs }));
    const ends = [
      { cut: 0, ms: side === 'front' ? 0 : wholeMs },
      { cut: last, ms: side === 'front' ? wholeMs : 0 },
    ];
    return interpolate(own, [...known, ...ends], rates, side === 'front');
  };
  return { frontMs: curve('front'), backMs: curve('back'), between: fitBetween(costs, measured, rates) };
}

interface Point {
  readonly cut: number;
  readonly ms: number;
}

function interpolate(
  segments: readonly SegmentCosts[],
  known: readonly Point[],
  rates: readonly number[],
  rises: boolean,
): number[] {
  const workMs = segments.map(({ work }) => dot(work, rates));
  const sideMs = segments.map(({ side }) => dot(side, rates.slice(workKinds.length)));
  // Small work first on both sides.
  const points = [...known].sort((a, b) => (rises ? a.cut - b.cut : b.cut - a.cut));
  const measured = points.map(({ cut, ms }) => Math.max(0, ms - (sideMs[cut] ?? 0)));
  const smooth = rising(measured);
  const byPlace = points.map(({ cut }, i) => ({ at: workMs[cut] ?? 0, cut, ms: smooth[i] ?? 0 }));
  return segments.map((_, cut) => divided(byPlace, cut, workMs[cut] ?? 0, rises) + (sideMs[cut] ?? 0));
}

/**
 * How wrong the fit is where nothing was measured: each measured cut is left out once and predicted from the others.
 * Null for fewer than three. Gaps are wider than in the fit itself, so this is rather too high.
 */
export function leaveOneOut(costs: readonly CutCosts[], measured: Measured): { median: number; p90: number } | null {
  const { anchors, between } = measured;
  if (anchors.length < 3) return null;
  const errors = anchors.flatMap((left) => {
    const times = fitTimes(costs, {
      ...measured,
      anchors: anchors.filter((anchor) => anchor !== left),
      between: between.filter(({ from, to }) => from !== left.cut && to !== left.cut),
    });
    const pairs = [
      [times.frontMs[left.cut], left.frontMs],
      [times.backMs[left.cut], left.backMs],
    ] as const;
    return pairs.flatMap(([estimate, truth]) =>
      estimate === undefined || truth === 0 ? [] : [errorPct(estimate, truth)],
    );
  });
  return errors.length === 0 ? null : { median: median(errors), p90: quantile(errors, 0.9) };
}
