import type { ModelProfile, SegmentMeasurement } from '@cutpoint/plan';
import { median, quantile } from '../statistics.js';
import type { CutCosts } from './cut-costs.js';
import { fitTimes, leaveOneOut } from './fit-times.js';
import type { MeasuredSpans, SpanTimes } from './measure-cuts.js';
import type { MeasuredMemory } from './memory.js';

type Summary = Pick<ModelProfile, 'measured' | 'frontMs' | 'backMs' | 'wholeMs' | 'between' | 'fit'>;

/** What was measured and what follows from it: times relative to the reference become ms at its median speed. */
export function summarise(
  costs: readonly CutCosts[],
  cuts: readonly number[],
  times: MeasuredSpans,
  memory: MeasuredMemory | undefined,
): Summary {
  const last = costs.length - 1;
  const referenceMs = median(times.referenceMs.flat());
  const measured = [wholeOf(times, last), ...times.spans].map((span) => measurement(span, referenceMs, memory));
  const msOf = (from: number, to: number) => measured.find((one) => one.from === from && one.to === to)?.medianMs ?? 0;
  const anchors = cuts.map((cut) => ({ cut, frontMs: msOf(0, cut), backMs: msOf(cut, last) }));
  const between = measured
    .filter(({ from, to }) => from > 0 && to < last)
    .map(({ from, to, medianMs }) => ({ from, to, ms: medianMs }));
  const all = { anchors, between, wholeMs: referenceMs };
  const fitted = fitTimes(costs, all);
  const own = new Map(anchors.map((anchor) => [anchor.cut, anchor]));
  const medians = times.referenceMs.map((batch) => median(batch));
  const isAll = cuts.length === Math.max(0, last - 1);
  return {
    measured,
    frontMs: fitted.frontMs.map((ms, cut) => own.get(cut)?.frontMs ?? (cut === last ? referenceMs : ms)),
    backMs: fitted.backMs.map((ms, cut) => own.get(cut)?.backMs ?? (cut === 0 ? referenceMs : ms)),
    wholeMs: referenceMs,
    between: fitted.between,
    fit: {
      kind: isAll ? 'all' : 'subset',
      measuredCuts: [0, ...cuts, last],
      errorPct: isAll ? null : leaveOneOut(costs, all),
      referenceDriftPct: (Math.max(...medians) / Math.min(...medians) - 1) * 100,
      referenceMs,
    },
  };
}

/** The reference is the whole model: each of its runs against the mean of its neighbours in the batch. */
function wholeOf({ referenceMs, loadMs }: MeasuredSpans, last: number): SpanTimes {
  const ratios = referenceMs.flatMap((batch) =>
    batch.slice(1, -1).map((ms, i) => (2 * ms) / ((batch[i] ?? ms) + (batch[i + 2] ?? ms))),
  );
  const middle = median(ratios);
  return { from: 0, to: last, ratios: ratios.map((ratio) => ratio / middle), loadMs: [loadMs] };
}

function measurement(
  { from, to, ratios, loadMs }: SpanTimes,
  referenceMs: number,
  memory: MeasuredMemory | undefined,
): SegmentMeasurement {
  const ms = (at: number) => quantile(ratios, at) * referenceMs;
  const known = memory?.spans.find((span) => span.from === from && span.to === to);
  return {
    from,
    to,
    medianMs: ms(0.5),
    p10Ms: ms(0.1),
    p90Ms: ms(0.9),
    runs: ratios.length,
    loadMs: median(loadMs),
    residentBytes: known?.residentBytes ?? null,
    peakBytes: known?.peakBytes ?? null,
  };
}
