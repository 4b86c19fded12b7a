import type { NamedTensors } from '@cutpoint/core';
import type { CutModel } from '@cutpoint/runtime';
import type { SegmentTimer, SteadyOptions, TimedGroup } from './segment-timer.js';
import { type Batch, timeBatch } from './time-batch.js';
import { chainOf, loadSpan, type RunnableSpan, type Span, type StageOptions } from './time-segments.js';

/** A batch whose reference drifted by more is repeated, if there is time, so often at most; then the steadiest one counts. */
const mostDrift = 0.05;
const mostRepeats = 2;

/** Times segments on this machine, in worker threads as daemons run them. */
export async function openLocalTimer(
  model: CutModel,
  inputs: NamedTensors,
  options: StageOptions,
): Promise<SegmentTimer> {
  const last = model.list.cuts.length - 1;
  const whole = await loadSpan(model, { from: 0, to: last }, options);
  const reference = whole.on(inputs);
  const { signal } = options;
  return {
    loadMs: whole.loadMs,
    async wholeMs() {
      await reference.run();
      return Math.min(await reference.run(), await reference.run());
    },
    time: (cuts, steady) =>
      timeGroup(model, chainOf(cuts, last), inputs, options, (segments) =>
        steadyBatch(reference, segments, { ...steady, signal }),
      ),
    timeWhole: async (rounds) => (await timeBatch(reference, [], rounds, signal)).referenceMs,
    [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose](),
  };
}

/** Loads the segments of a chain, all at the same time, and times them. */
async function timeGroup(
  model: CutModel,
  spans: readonly Span[],
  inputs: NamedTensors,
  options: StageOptions,
  time: (segments: readonly RunnableSpan[]) => Promise<Batch>,
): Promise<TimedGroup> {
  const loading = await Promise.allSettled(spans.map((span) => loadSpan(model, span, options)));
  try {
    for (const one of loading) if (one.status === 'rejected') throw one.reason;
    const segments: RunnableSpan[] = [];
    for (const one of loading) {
      if (one.status === 'fulfilled') segments.push(one.value.on((await segments.at(-1)?.sends()) ?? inputs));
    }
    return { segments, batch: await time(segments) };
  } finally {
    for (const one of loading) if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]();
  }
}

async function steadyBatch(
  reference: RunnableSpan,
  segments: readonly RunnableSpan[],
  { rounds, hasTime, signal }: SteadyOptions & { readonly signal: AbortSignal | undefined },
): Promise<Batch> {
  let best = await timeBatch(reference, segments, rounds, signal);
  for (let repeat = 0; repeat < mostRepeats && best.drift > mostDrift && hasTime(); repeat++) {
    const again = await timeBatch(reference, segments, rounds, signal);
    if (again.drift < best.drift) best = again;
  }
  return best;
}
