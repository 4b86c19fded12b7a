import type { NamedTensors } from '@cutpoint/core';
import { type CutModel, concreteInputs, type Dims, inputSpecs, randomInputs } from '@cutpoint/runtime';
import { type Batch, loadSpan, type RunnableSpan, type Span, type StageOptions, timeBatch } from './time-segments.js';

/** What was measured of one segment, over all batches: times as shares of the reference's. */
export interface SpanTimes extends Span {
  readonly ratios: readonly number[];
  readonly loadMs: readonly number[];
}

export interface MeasuredSpans {
  readonly spans: readonly SpanTimes[];
  /** Of the reference, the whole model, one list per batch. */
  readonly referenceMs: readonly (readonly number[])[];
  /** Loading the whole model. */
  readonly loadMs: number;
}

export interface MeasureOptions extends StageOptions {
  readonly dims: Dims;
  readonly cuts: readonly number[];
  /** How often each cut is measured, with newly loaded segments. */
  readonly passes: number;
  /** How long the measurement should take, as far as the number of rounds can do it. */
  readonly budgetMs: number;
  readonly onProgress: (done: number, total: number) => void;
}

/** A batch whose reference drifted by more is repeated, if there is time, so often at most; then the steadiest one counts. */
const mostDrift = 0.05;
const mostRepeats = 2;
const [fewestRounds, mostRounds] = [3, 12];

/**
 * Times the segments before and behind each cut, and some between two cuts, in batches with the whole model as the
 * reference. Every batch is run in some passes over all cuts with newly loaded segments, as where a session's memory
 * happens to lie matters to its speed.
 */
export async function measureCuts(model: CutModel, options: MeasureOptions): Promise<MeasuredSpans> {
  const { cuts, dims, budgetMs, passes, signal } = options;
  const last = model.list.cuts.length - 1;
  const inputs = randomInputs(concreteInputs(inputSpecs(model.file.graph), dims).inputs);
  await using whole = await loadSpan(model, { from: 0, to: last }, options);
  const reference = whole.on(inputs);
  const groups = [...cuts.map((cut): BatchPlan => ({ cut })), ...middles(cuts)];
  const total = groups.length * passes;
  const rounds = await roundsFor(reference, total, budgetMs);
  const began = performance.now();
  /** True while the measurement is not behind its schedule: only then there is time for repeats. */
  const hasTime = (done: number) => performance.now() - began < (budgetMs * (done + 1)) / total;
  const found = new Map<string, { span: Span; ratios: number[]; loadMs: number[] }>();
  const referenceMs: (readonly number[])[] = [];
  for (let done = 0; done < total; done++) {
    options.onProgress(done, total);
    const group = groups[done % groups.length];
    if (group === undefined) break;
    const steady = { rounds, signal, hasTime: () => hasTime(done) };
    const time = (segments: readonly RunnableSpan[]) => steadyBatch(reference, segments, steady);
    const { segments, batch } = await timeGroup(model, group, inputs, options, time);
    referenceMs.push(batch.referenceMs);
    for (const [i, { from, to, loadMs }] of segments.entries()) {
      const key = `${from}-${to}`;
      const span = found.get(key) ?? { span: { from, to }, ratios: [], loadMs: [] };
      span.ratios.push(...(batch.ratios[i] ?? []));
      span.loadMs.push(loadMs);
      found.set(key, span);
    }
  }
  if (total === 0) referenceMs.push((await timeBatch(reference, [], mostRounds, signal)).referenceMs);
  const spans = [...found.values()].map(({ span, ratios, loadMs }) => ({ ...span, ratios, loadMs }));
  return { spans, referenceMs, loadMs: whole.loadMs };
}

/** Segments that are timed together: those before and behind a cut, and with `to` the one between two cuts. */
interface BatchPlan {
  readonly cut: number;
  readonly to?: number;
}

/** Segments between two of the cuts, to check that their times follow from those before and behind. */
function middles(cuts: readonly number[]): BatchPlan[] {
  const at = (share: number) => cuts[Math.floor(share * (cuts.length - 1))] ?? 0;
  const pairs = [
    { cut: at(0.2), to: at(0.5) },
    { cut: at(0.5), to: at(0.8) },
    { cut: at(0.2), to: at(0.8) },
  ];
  return cuts.length < 5 ? [] : pairs;
}

/** Loads the segments of a batch, the two at the same time, and times them. */
async function timeGroup(
  model: CutModel,
  { cut, to }: BatchPlan,
  inputs: NamedTensors,
  options: StageOptions,
  time: (segments: readonly RunnableSpan[]) => Promise<Batch>,
): Promise<{ segments: readonly RunnableSpan[]; batch: Batch }> {
  const last = model.list.cuts.length - 1;
  const spans = [
    { from: 0, to: cut },
    { from: cut, to: to ?? last },
  ];
  const loading = await Promise.allSettled(spans.map((span) => loadSpan(model, span, options)));
  try {
    for (const one of loading) if (one.status === 'rejected') throw one.reason;
    const [front, behind] = loading.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    if (front === undefined || behind === undefined) throw new RangeError('Both segments are loaded here.');
    const first = front.on(inputs);
    const second = behind.on(await first.sends());
    const segments = to === undefined ? [first, second] : [second];
    return { segments, batch: await time(segments) };
  } finally {
    for (const one of loading) if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]();
  }
}

interface SteadyOptions {
  readonly rounds: number;
  readonly hasTime: () => boolean;
  readonly signal: AbortSignal | undefined;
}

async function steadyBatch(
  reference: RunnableSpan,
  segments: readonly RunnableSpan[],
  { rounds, hasTime, signal }: SteadyOptions,
): Promise<Batch> {
  let best = await timeBatch(reference, segments, rounds, signal);
  for (let repeat = 0; repeat < mostRepeats && best.drift > mostDrift && hasTime(); repeat++) {
    const again = await timeBatch(reference, segments, rounds, signal);
    if (again.drift < best.drift) best = again;
  }
  return best;
}

/** A round runs the reference twice, and segments that together take about as long twice as well. */
const runsInRound = 4;

/** As many rounds as the budget allows if half of all batches need no repeat. */
async function roundsFor(reference: RunnableSpan, batches: number, budgetMs: number): Promise<number> {
  await reference.run();
  const wholeMs = Math.min(await reference.run(), await reference.run());
  const rounds = budgetMs / Math.max(1, batches) / (runsInRound * wholeMs * 1.5);
  return Math.max(fewestRounds, Math.min(mostRounds, Math.floor(rounds)));
}
