import { type CutModel, concreteInputs, type Dims, inputSpecs, randomInputs } from '@cutpoint/runtime';
import { openLocalTimer } from './local-timer.js';
import type { SegmentTimer } from './segment-timer.js';
import type { Span, StageOptions } from './time-segments.js';

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
  /** What times them. Default: this machine. */
  readonly openTimer?: (() => Promise<SegmentTimer>) | undefined;
}

const [fewestRounds, mostRounds] = [3, 12];

/**
 * Times the segments before and behind each cut, those between neighbouring cuts and some longer ones, in batches with the whole model as the
 * reference. Every batch is run in some passes over all cuts with newly loaded segments, as where a session's memory
 * happens to lie matters to its speed.
 */
export async function measureCuts(model: CutModel, options: MeasureOptions): Promise<MeasuredSpans> {
  const { cuts, dims, budgetMs, passes } = options;
  const inputs = randomInputs(concreteInputs(inputSpecs(model.file.graph), dims).inputs);
  await using timer = await (options.openTimer?.() ?? openLocalTimer(model, inputs, options));
  const chains = [...neighbours(cuts), ...checks(cuts)];
  const total = chains.length * passes;
  const rounds = await roundsFor(timer, total, budgetMs);
  const began = performance.now();
  /** True while the measurement is not behind its schedule: only then there is time for repeats. */
  const hasTime = (done: number) => performance.now() - began < (budgetMs * (done + 1)) / total;
  const found = new Map<string, { span: Span; ratios: number[]; loadMs: number[] }>();
  const referenceMs: (readonly number[])[] = [];
  for (let done = 0; done < total; done++) {
    options.onProgress(done, total);
    const chain = chains[done % chains.length];
    if (chain === undefined) break;
    const { segments, batch } = await timer.time(chain, { rounds, hasTime: () => hasTime(done) });
    referenceMs.push(batch.referenceMs);
    for (const [i, { from, to, loadMs }] of segments.entries()) {
      const key = `${from}-${to}`;
      const span = found.get(key) ?? { span: { from, to }, ratios: [], loadMs: [] };
      span.ratios.push(...(batch.ratios[i] ?? []));
      span.loadMs.push(loadMs);
      found.set(key, span);
    }
  }
  if (total === 0) referenceMs.push(await timer.timeWhole(mostRounds));
  const spans = [...found.values()].map(({ span, ratios, loadMs }) => ({ ...span, ratios, loadMs }));
  return { spans, referenceMs, loadMs: timer.loadMs };
}

/** Chains that hold the segments before, behind and between all neighbouring cuts. */
function neighbours(cuts: readonly number[]): (readonly number[])[] {
  if (cuts.length < 2) return cuts.map((cut) => [cut]);
  return [...cuts.map((_, i) => cuts.slice(Math.max(0, i - 1), i + 1)), cuts.slice(-1)];
}

/** Chains with long segments in the middle, to check that their times follow from the others. */
function checks(cuts: readonly number[]): (readonly number[])[] {
  const at = (share: number) => cuts[Math.floor(share * (cuts.length - 1))] ?? 0;
  const pairs = [
    [at(0.2), at(0.5)],
    [at(0.5), at(0.8)],
    [at(0.2), at(0.8)],
  ];
  return cuts.length < 5 ? [] : pairs;
}

/** A round runs the reference twice, and segments that together take about as long twice as well. */
const runsInRound = 4;

/** As many rounds as the budget allows if half of all batches need no repeat. */
async function roundsFor(timer: SegmentTimer, batches: number, budgetMs: number): Promise<number> {
  const wholeMs = await timer.wholeMs();
  const rounds = budgetMs / Math.max(1, batches) / (runsInRound * wholeMs * 1.5);
  return Math.max(fewestRounds, Math.min(mostRounds, Math.floor(rounds)));
}
