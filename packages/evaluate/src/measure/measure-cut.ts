import { CutpointError, type NamedTensors } from '@cutpoint/core';
import type { CutModel } from '@cutpoint/runtime';
import type { Sample } from '../data/data-set.js';
import type { CrossingCodec } from './crossing-codec.js';
import type { PixelInput } from './model-input.js';
import { type CutRunner, openCutRunner, type RunnerOptions } from './run-cut.js';
import { type Scores, scoresOf } from './scores.js';
import { type Crossing, Tally } from './tally.js';

/** What a codec gave at a cut, or why it cannot be used there. */
export type CodecOutcome =
  | { readonly codec: CrossingCodec; readonly tally: Tally }
  | { readonly codec: CrossingCodec; readonly refused: CutpointError };

export interface MeasureOptions extends RunnerOptions {
  /** Is told after each sample. */
  readonly onSample?: (done: number) => void;
}

/**
 * Runs samples whole and split at a cut, in this process. The front segment is run once for each sample, whatever the
 * number of codecs. A codec that refuses a tensor is out from then on.
 * @throws CutpointError what running segments throws.
 */
export async function measureCut(
  model: CutModel,
  at: number,
  codecs: readonly CrossingCodec[],
  { inputs }: PixelInput,
  samples: AsyncIterable<Sample>,
  options: MeasureOptions = {},
): Promise<CodecOutcome[]> {
  await using runner = await openCutRunner(model, at, options);
  const outcomes: CodecOutcome[] = codecs.map((codec) => ({ codec, tally: new Tally() }));
  let done = 0;
  for await (const { pixels, label, name } of samples) {
    const given = inputs(pixels);
    const [whole, front] = await Promise.all([runner.whole(given), runner.front(given)]);
    const wholeScores = scoresOf(whole);
    if (label !== undefined) requireClass(label, wholeScores, name);
    for (const [i, outcome] of outcomes.entries()) {
      if ('refused' in outcome) continue;
      const crossed = await cross(outcome.codec, front.sends);
      if (crossed instanceof CutpointError) {
        outcomes[i] = { codec: outcome.codec, refused: crossed };
        continue;
      }
      const split = await behind(runner, crossed.tensors, front.answers, whole);
      outcome.tally.add(label, wholeScores, split, crossed.crossing);
    }
    done += 1;
    options.onSample?.(done);
  }
  return outcomes;
}

/** Labels of other classes would count as wrong answers. */
function requireClass(label: number, [first]: readonly Scores[], sample: string): void {
  const classes = first?.classes ?? 0;
  if (label < classes) return;
  const message = `Sample ${sample} has the label ${label}, but the model's classes are 0 to ${classes - 1}: take labels of this model's classes, or none.`;
  throw new CutpointError('CUT_DATASET', message);
}

/** There and back through a codec, or why it does not take these tensors. */
async function cross(codec: CrossingCodec, tensors: NamedTensors) {
  try {
    const startedAt = performance.now();
    const sent = await codec.encode(tensors);
    const encodedAt = performance.now();
    const received = await codec.decode(sent);
    const crossing: Crossing = {
      bytes: Array.from(sent.values(), ({ data }) => data.byteLength).reduce((sum, bytes) => sum + bytes, 0),
      encodeMs: encodedAt - startedAt,
      decodeMs: performance.now() - encodedAt,
    };
    return { tensors: received, crossing };
  } catch (thrown) {
    if (thrown instanceof CutpointError && refusals.has(thrown.code)) return thrown;
    throw thrown;
  }
}

/** What a codec says of a tensor that it cannot carry. */
const refusals: ReadonlySet<string> = new Set(['CUT_CODEC', 'CUT_IMAGE']);

/** Scores of the split model, its outputs in the order of the whole. */
async function behind(
  runner: CutRunner,
  crossed: NamedTensors,
  known: NamedTensors,
  whole: NamedTensors,
): Promise<readonly Scores[]> {
  const answers = new Map([...known, ...(await runner.back(crossed))]);
  const ordered = new Map<string, NonNullable<ReturnType<typeof answers.get>>>();
  for (const name of whole.keys()) {
    const tensor = answers.get(name);
    if (tensor === undefined) throw new CutpointError('CUT_INTERNAL', `The split model did not give "${name}".`);
    ordered.set(name, tensor);
  }
  return scoresOf(ordered);
}
