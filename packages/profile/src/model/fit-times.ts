import { errorPct, median, quantile } from '../statistics.js';
import { assumedTotalMs, type CutCosts, type SegmentCosts, sideKinds } from './cut-costs.js';
import { rising } from './isotonic.js';
import { dot, nonNegativeLeastSquares, type Row } from './least-squares.js';
import { workKinds } from './node-costs.js';

/** What was measured at one cut. */
export interface Anchor {
  readonly cut: number;
  readonly frontMs: number;
  readonly backMs: number;
}

/** Times by cut index. */
export interface Times {
  readonly frontMs: readonly number[];
  readonly backMs: readonly number[];
}

/** A measurement is trusted to so many parts of itself, and to so many parts of the whole model's time. */
const trust = { own: 0.03, whole: 0.005 };
/** Rates of the kinds of work may differ from the assumed ones by about this factor, less where nothing speaks for it. */
const rateSpread = 1;

/**
 * Times of the segments at every cut from those at a few. The rates of the kinds of work are fitted to what was measured
 * (non-negative least squares, pulled towards assumed rates where the measurements do not tell), and between two measured
 * cuts the measured difference is divided in proportion to the nodes' work at these rates. What nodes take never falls
 * from cut to cut; what a cut itself adds (bytes to bring out and in, nodes severed from their neighbours) does.
 */
export function fitTimes(costs: readonly CutCosts[], anchors: readonly Anchor[], wholeMs: number): Times {
  const rates = fitRates(costs, anchors, wholeMs);
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
  return { frontMs: curve('front'), backMs: curve('back') };
}

/** Factors on the assumed milliseconds of each kind of work, then of each kind of side cost. */
function fitRates(costs: readonly CutCosts[], anchors: readonly Anchor[], wholeMs: number): number[] {
  const whole = costs[0]?.back;
  const assumedMs = whole === undefined ? 0 : assumedTotalMs(whole);
  const scale = assumedMs > 0 ? wholeMs / assumedMs : 1;
  const row = (segment: SegmentCosts | undefined, ms: number): Row[] => {
    if (segment === undefined) return [];
    const x = [...segment.work, ...segment.side].map((value) => value * scale);
    return [{ x, y: ms, weight: 1 / (trust.own * ms + trust.whole * wholeMs) }];
  };
  const rows = anchors.flatMap(({ cut, frontMs, backMs }) => [
    ...row(costs[cut]?.front, frontMs),
    ...row(costs[cut]?.back, backMs),
  ]);
  const values = [...workKinds, ...sideKinds].map(() => 1);
  const fitted = nonNegativeLeastSquares([...rows, ...row(whole, wholeMs)], { values, weight: 1 / rateSpread });
  return fitted.map((factor) => factor * scale);
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
  return segments.map((_, cut) => between(byPlace, cut, workMs[cut] ?? 0, rises) + (sideMs[cut] ?? 0));
}

interface Place {
  readonly at: number;
  readonly cut: number;
  readonly ms: number;
}

function between(places: readonly Place[], cut: number, at: number, rises: boolean): number {
  const next = places.findIndex((place) => (rises ? place.cut >= cut : place.cut <= cut));
  const [low, high] = [places[Math.max(0, next - 1)], places[next]];
  if (low === undefined || high === undefined) return 0;
  if (high.cut === cut) return high.ms;
  const span = high.at - low.at;
  const share = span > 0 ? (at - low.at) / span : (cut - low.cut) / (high.cut - low.cut);
  return low.ms + (high.ms - low.ms) * Math.min(1, Math.max(0, share));
}

/**
 * How wrong the fit is where nothing was measured: each measured cut is left out once and predicted from the others.
 * Null for fewer than three. Gaps are wider than in the fit itself, so this is rather too high.
 */
export function leaveOneOut(
  costs: readonly CutCosts[],
  anchors: readonly Anchor[],
  wholeMs: number,
): { median: number; p90: number } | null {
  if (anchors.length < 3) return null;
  const errors = anchors.flatMap((left) => {
    const times = fitTimes(
      costs,
      anchors.filter((anchor) => anchor !== left),
      wholeMs,
    );
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
