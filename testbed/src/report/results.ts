import { quantile } from '@cutpoint/core';
import { z } from 'zod';

const ms = z.number().nonnegative();
const pct = z.number().nonnegative();
const text = z.string().max(2000);

/** One plan: what was predicted and what was measured. */
export const resultRowSchema = z.strictObject({
  model: text,
  plan: z.strictObject({
    /** Ids of the devices that the request passes, the first of them with the input. */
    devices: z.array(text).min(1).max(64),
    /** One less than devices. */
    cuts: z.array(z.number().int().nonnegative()).max(64),
    /** Of what crosses each cut. */
    codecs: z.array(text).max(64),
    /** For people: `cut 12 (add_3), f16`. */
    label: text,
  }),
  predicted: z.strictObject({ latencyMs: ms, throughputHz: z.number().nonnegative() }),
  /** Latency and throughput are measured apart; neither is derived from the other. `latencyMs` is a median. */
  measured: z.strictObject({ latencyMs: ms, throughputHz: z.number().nonnegative(), p99Ms: ms }),
  /** Of the latency: what computes, and the rest, which is links and codecs. */
  parts: z
    .strictObject({
      predicted: z.strictObject({ computeMs: ms, linkMs: ms }),
      measured: z.strictObject({ computeMs: ms, linkMs: ms }),
    })
    .optional(),
  /** One device does all the work. */
  baseline: z.boolean(),
  /** The cut was not used in fitting what the prediction starts from; only such rows count as errors of prediction. */
  heldOut: z.boolean(),
  /** Median of the reference segment around the measurement: how fast the machine was then. */
  referenceMs: ms.nullable(),
});
export type ResultRow = z.infer<typeof resultRowSchema>;

const errorsSchema = z.strictObject({
  latency: pct.nullable(),
  throughput: pct.nullable(),
  /** Of the latency: what computes. */
  compute: pct.nullable(),
  /** Of the latency: links and codecs. */
  link: pct.nullable(),
});

/** Where the prediction ranks the plan of a model that was measured best; 1 is best. */
const rankingSchema = z.strictObject({
  model: text,
  objective: z.enum(['latency', 'throughput']),
  /** Of all plans, or of those whose cuts no fit has seen. */
  among: z.enum(['all', 'held-out']),
  measuredBest: text,
  predictedRank: z.number().int().positive(),
});
export type Ranking = z.infer<typeof rankingSchema>;

/** What a sweep of plans gives; results.json. */
export const resultsSchema = z.strictObject({
  format: z.literal('cutpoint-testbed-results'),
  version: z.literal(1),
  scenario: z.strictObject({ name: text, title: text, description: z.string().max(4000) }),
  /** How links were emulated; `none` where the scenario has one device. */
  emulation: z.enum(['netns-netem', 'user-space-proxy', 'none']),
  /** How many times slower time passed; all figures are in the scenario's own time. */
  dilation: z.number().min(1),
  machine: text,
  date: z.iso.datetime(),
  rows: z.array(resultRowSchema).max(100_000),
  /** Null where there are no rows to tell. */
  medianAbsErrorPct: errorsSchema,
  p90AbsErrorPct: errorsSchema,
  rankings: z.array(rankingSchema).max(10_000),
  /** What the reader must know: fallbacks, drift, what could not be run. */
  notes: z.array(text).max(1000),
});
export type Results = z.infer<typeof resultsSchema>;

/** How far a prediction is from what was measured, in percent of the latter; undefined if nothing was measured. */
export function errorPct(predicted: number, measured: number): number | undefined {
  return measured > 0 ? (100 * (predicted - measured)) / measured : undefined;
}

/** Median and 90th percentile of the absolute errors of the rows whose cuts were held out of the fit. */
export function errorsOf(rows: readonly ResultRow[]): Pick<Results, 'medianAbsErrorPct' | 'p90AbsErrorPct'> {
  const counted = rows.filter(({ heldOut }) => heldOut);
  const known = (of: (row: ResultRow) => number | undefined) =>
    counted.map((row) => Math.abs(of(row) ?? Number.NaN)).filter(Number.isFinite);
  const errors = {
    latency: known(({ predicted, measured }) => errorPct(predicted.latencyMs, measured.latencyMs)),
    throughput: known(({ predicted, measured }) => errorPct(predicted.throughputHz, measured.throughputHz)),
    compute: known(({ parts }) => parts && errorPct(parts.predicted.computeMs, parts.measured.computeMs)),
    link: known(({ parts }) => parts && errorPct(parts.predicted.linkMs, parts.measured.linkMs)),
  };
  const at = (share: number) => ({
    latency: quantileOf(errors.latency, share),
    throughput: quantileOf(errors.throughput, share),
    compute: quantileOf(errors.compute, share),
    link: quantileOf(errors.link, share),
  });
  return { medianAbsErrorPct: at(0.5), p90AbsErrorPct: at(0.9) };
}

const goodness: Record<Ranking['objective'], (figures: ResultRow['predicted']) => number> = {
  latency: ({ latencyMs }) => 1 / latencyMs,
  throughput: ({ throughputHz }) => throughputHz,
};
/** Plans that fill the same link are predicted alike but for what its probes differed by: better by less is no better. */
const tie = 1e-3;

/**
 * For each model and objective, where the prediction ranks the plan that was measured best: of all plans, and, as the errors
 * have it, of those whose cuts were held out of the fit.
 */
export function rankingsOf(rows: readonly ResultRow[]): Ranking[] {
  return [...new Set(rows.map(({ model }) => model))].flatMap((model) => {
    const all = rows.filter((row) => row.model === model);
    const groups = [
      { among: 'all', own: all },
      { among: 'held-out', own: all.filter(({ heldOut }) => heldOut) },
    ] as const;
    return groups.flatMap(({ among, own }) =>
      (['latency', 'throughput'] as const).flatMap((objective) => rankingOf(own, { model, objective, among })),
    );
  });
}

/** Nothing of no rows. */
function rankingOf(rows: readonly ResultRow[], of: Pick<Ranking, 'model' | 'objective' | 'among'>): Ranking[] {
  const [first, ...others] = rows;
  if (first === undefined) return [];
  const good = goodness[of.objective];
  const best = others.reduce((a, b) => (good(b.measured) > good(a.measured) ? b : a), first);
  const better = rows.filter(({ predicted }) => good(predicted) > good(best.predicted) * (1 + tie));
  return [{ ...of, measuredBest: best.plan.label, predictedRank: better.length + 1 }];
}

/** Null of nothing. */
function quantileOf(values: readonly number[], share: number): number | null {
  return values.length === 0 ? null : quantile(values, share);
}
