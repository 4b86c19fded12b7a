import { assumedTotalMs, type CutCosts, costsBetween, type SegmentCosts, sideKinds } from './cut-costs.js';
import { nonNegativeLeastSquares, type Row } from './least-squares.js';
import { workKinds } from './node-costs.js';
import type { Span } from './time-segments.js';

/** What was measured at one cut. */
export interface Anchor {
  readonly cut: number;
  readonly frontMs: number;
  readonly backMs: number;
}

/** What was measured of the segment between two inner cuts. */
export interface Between extends Span {
  readonly ms: number;
}

/** What the times of a model are fitted to; anchors in the order of their cuts. */
export interface Measured {
  readonly anchors: readonly Anchor[];
  readonly between: readonly Between[];
  readonly wholeMs: number;
}

/** A measurement is trusted to so many parts of itself, and to so many parts of the whole model's time. */
const trust = { own: 0.03, whole: 0.001 };
/** Rates of the kinds of work may differ from the assumed ones by about this factor, less where nothing speaks for it. */
const rateSpread = 1;

/** Factors on the assumed milliseconds of each kind of work, then of each kind of side cost. */
export function fitRates(costs: readonly CutCosts[], { anchors, between, wholeMs }: Measured): number[] {
  const whole = costs[0]?.back;
  const assumedMs = whole === undefined ? 0 : assumedTotalMs(whole);
  const scale = assumedMs > 0 ? wholeMs / assumedMs : 1;
  const row = (segment: SegmentCosts | undefined, ms: number): Row[] => {
    if (segment === undefined) return [];
    const x = [...segment.work, ...segment.side].map((value) => value * scale);
    return [{ x, y: ms, weight: 1 / (trust.own * ms + trust.whole * wholeMs) }];
  };
  const rows = [
    ...anchors.flatMap(({ cut, frontMs, backMs }) => [
      ...row(costs[cut]?.front, frontMs),
      ...row(costs[cut]?.back, backMs),
    ]),
    ...between.flatMap(({ from, to, ms }) => row(costsBetween(costs, from, to), ms)),
  ];
  const values = [...workKinds, ...sideKinds].map(() => 1);
  const fitted = nonNegativeLeastSquares([...rows, ...row(whole, wholeMs)], { values, weight: 1 / rateSpread });
  return fitted.map((factor) => factor * scale);
}
