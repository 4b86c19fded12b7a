import type { Ranking, ResultRow } from './results.js';

/** Below this share two measurements count as equal: machines are noisy. */
const noticeablePct = 3;

/** The rows that no other beats in both measured latency and throughput, by ascending latency. */
export function measuredFront(rows: readonly ResultRow[]): readonly ResultRow[] {
  const byLatency = [...rows].sort(
    (a, b) => a.measured.latencyMs - b.measured.latencyMs || b.measured.throughputHz - a.measured.throughputHz,
  );
  let best = Number.NEGATIVE_INFINITY;
  return byLatency.filter(({ measured }) => {
    const better = measured.throughputHz > best;
    if (better) best = measured.throughputHz;
    return better;
  });
}

/** The row of a front with the least sum of scaled latency and throughput, as `pickPlan` of packages/plan defines it. */
export function kneeOf(front: readonly ResultRow[]): ResultRow | undefined {
  const scaled = (value: (row: ResultRow) => number) => {
    const values = front.map(value);
    const least = Math.min(...values);
    const range = Math.max(...values) - least || 1;
    return (row: ResultRow) => (value(row) - least) / range;
  };
  const slow = scaled(({ measured }) => measured.latencyMs);
  const rare = scaled(({ measured }) => -measured.throughputHz);
  return [...front].sort((a, b) => slow(a) + rare(a) - slow(b) - rare(b))[0];
}

/** Whether cutting paid, in words: one sentence for latency and one for throughput. */
export function verdicts(rows: readonly ResultRow[]): readonly string[] {
  const baselines = rows.filter(({ baseline }) => baseline);
  const cuts = rows.filter(({ baseline }) => !baseline);
  if (rows.length === 0) return ['Nothing was measured.'];
  if (baselines.length === 0) return ['No device was measured alone, so this does not say whether cutting pays.'];
  if (cuts.length === 0) return ['No cut was measured, so this does not say whether cutting pays.'];
  return [
    verdict('latency', baselines, cuts, ({ measured }) => 1 / measured.latencyMs, latencyText),
    verdict('throughput', baselines, cuts, ({ measured }) => measured.throughputHz, throughputText),
  ];
}

/** Whether the prediction would have found the plan that was measured best, in words. */
export function rankingText({ objective, among, measuredBest, predictedRank }: Ranking): string {
  const place = predictedRank === 1 ? 'predicted best, too' : `number ${predictedRank} by prediction`;
  const what = `easured best in ${objective}: ${measuredBest}, ${place}.`;
  return among === 'all' ? `M${what}` : `Of the plans at held-out cuts, m${what}`;
}

function verdict(
  what: string,
  baselines: readonly ResultRow[],
  cuts: readonly ResultRow[],
  goodness: (row: ResultRow) => number,
  show: (row: ResultRow) => string,
): string {
  const best = (among: readonly ResultRow[]) => [...among].sort((a, b) => goodness(b) - goodness(a))[0];
  const alone = best(baselines);
  const cut = best(cuts);
  if (alone === undefined || cut === undefined) return '';
  const device = /\balone\b/.test(alone.plan.label) ? alone.plan.label : `${alone.plan.label} alone`;
  const gainPct = 100 * (goodness(cut) / goodness(alone) - 1);
  const both = `${show(cut)} against ${show(alone)}`;
  if (gainPct >= noticeablePct) {
    const others = baselines.length > 2 ? 'every device alone' : 'either end alone';
    const than = baselines.length === 1 ? device : others;
    return `In ${what}, ${cut.plan.label} beats ${than}${baselines.length === 1 ? '' : `, ${device} the best of them,`} by ${gainPct.toFixed(0)} %: ${both}.`;
  }
  if (gainPct > -noticeablePct) {
    return `In ${what}, cutting does not pay on this network: ${cut.plan.label} is no better than ${device} within ${noticeablePct} %: ${both}.`;
  }
  return `In ${what}, no cut beats ${device} on this network: ${show(alone)} against ${show(cut)} for the best cut, ${cut.plan.label}.`;
}

function latencyText({ measured }: ResultRow): string {
  const { latencyMs } = measured;
  return latencyMs < 999.5 ? `${latencyMs.toPrecision(3)} ms` : `${(latencyMs / 1000).toPrecision(3)} s`;
}

function throughputText({ measured }: ResultRow): string {
  return `${measured.throughputHz.toPrecision(3)}/s`;
}
