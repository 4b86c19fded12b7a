import type { TransformTables } from '@cutpoint/codec';
import { type CancelSignal, CutpointError } from '@cutpoint/core';
import type { CacheKind } from '../graph/cache-kind.js';
import { modelIdentity } from '../package/model-identity.js';
import type { Package } from '../package/read-package.js';
import { tableAt, usualAnswerCodec } from '../split/crossing-codecs.js';
import { evaluationCache } from './evaluation-cache.js';
import { openHiddenCodec } from './hidden-codec.js';
import { stepOf, tableOfHidden } from './hidden-table.js';
import { type CrossingWay, measureCrossings } from './measure-crossings.js';
import { BackSegment, FrontSegment } from './segments.js';
import { windowsOf } from './windows.js';

type Texts = readonly (readonly number[])[];

export interface CutEvaluationRequest {
  readonly front: Package;
  /** The same model with weights of another width. Default: that of the front segment. */
  readonly back?: Package | undefined;
  readonly cut: number;
  /** The server has no head, and sends hidden states back. */
  readonly private?: boolean;
  /** A spec; `transform:step=0.3` makes a table first. */
  readonly codec: string;
  /** Of what comes back where the head is private. Default: as `codec`, or f16 where that names a table, which is of the cut. */
  readonly answerCodec?: string | undefined;
  readonly tables?: TransformTables | undefined;
  /** Texts of which such a table is made. */
  readonly calibrationTexts?: (() => Promise<Texts>) | undefined;
  readonly tokens: readonly number[];
  /** Tokens of a window; windows do not overlap. */
  readonly context: number;
  readonly threads?: number;
  /** Of both halves. Default `f32`. */
  readonly cache?: CacheKind;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: CancelSignal | undefined;
}

export interface CutEvaluation {
  readonly perplexity: number;
  /** Tokens that were scored. */
  readonly tokens: number;
  readonly cut: number;
  /** As it was opened: a table has its name. */
  readonly codec: string;
  readonly answerCodec: string | null;
  /** Of a token that crosses alone, headers of the codec counted, frames of the wire not. */
  readonly bytesPerToken: number;
  /** Of a token of a prompt that crosses as a chunk. */
  readonly promptBytesPerToken: number;
  /** How many times less than in f32, for a token that crosses alone. */
  readonly timesSmaller: number;
  /** What comes back of one token, where the head is private. */
  readonly answerBytesPerToken: number | null;
  /** Of the same halves with nothing lost between them, and how much higher it is with the codec, in percent. */
  readonly baseline: { readonly perplexity: number; readonly increasePercent: number };
}

/**
 * Perplexity of a model that is cut in two, with and without a codec between the halves.
 * @throws CutpointError CUT_USAGE, CUT_INPUT, CUT_ILLEGAL_CUT, CUT_CODEC, CUT_CODEC_TABLE, CUT_PACKAGE if the packages are of
 * different models, and as `DecoderRange.open` and `DecoderRange.forward`.
 */
export async function evaluateCut(request: CutEvaluationRequest): Promise<CutEvaluation> {
  const { front: package_, back = package_, cut, tokens, context, threads, onProgress, signal } = request;
  requireSameModel(package_, back);
  const place = { cut, private: request.private === true };
  if (cut === 0 && !place.private) {
    const message = 'Tokens cross cut 0, and nothing is lost: evaluate the model without --at, or as private.';
    throw new CutpointError('CUT_ILLEGAL_CUT', message);
  }
  requireAnswerable(request);
  const options = {
    ...evaluationCache(request.cache),
    ...(threads === undefined ? {} : { threads }),
    ...(signal === undefined ? {} : { signal }),
  };
  await using front = await FrontSegment.open(package_, place, options);
  await using behind = await BackSegment.open(back, place, options);
  const raw = openHiddenCodec('raw', front.config.hiddenSize);
  const codecs = await codecsFor(request, front, behind);
  const ways = [{ codec: raw, ...(place.private && { answerCodec: raw }) }, codecs];
  const [baseline, found] = await measureCrossings(front, [behind], ways, tokens, {
    context,
    signal,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  if (baseline === undefined || found === undefined) throw new CutpointError('CUT_INTERNAL', 'Nothing was measured.');
  return {
    perplexity: found.perplexity,
    tokens: found.tokens,
    cut,
    codec: codecs.codec.spec,
    answerCodec: codecs.answerCodec?.spec ?? null,
    bytesPerToken: found.up.perToken,
    promptBytesPerToken: found.up.perPromptToken,
    timesSmaller: (front.config.hiddenSize * 4) / found.up.perToken,
    answerBytesPerToken: found.down?.perToken ?? null,
    baseline: {
      perplexity: baseline.perplexity,
      increasePercent: 100 * (found.perplexity / baseline.perplexity - 1),
    },
  };
}

/** What is wrong is said before layers are opened, which may take long. */
function requireAnswerable(request: CutEvaluationRequest): void {
  const { front, cut, tokens, context, tables = new Map(), codec, answerCodec = 'raw' } = request;
  const { config } = front.manifest;
  windowsOf(config, tokens, context);
  for (const [spec, at] of [
    [codec, cut],
    [answerCodec, config.layers],
  ] as const) {
    if (stepOf(spec) !== undefined) continue;
    openHiddenCodec(spec, config.hiddenSize, tables);
    tableAt(spec, front.manifest, at, tables);
  }
}

/** @throws CutpointError CUT_PACKAGE if two packages are not of one model. */
export function requireSameModel(a: Package, b: Package): void {
  if (modelIdentity(a.manifest) === modelIdentity(b.manifest)) return;
  const message = `${a.folder} and ${b.folder} are packages of different models: give two widths of one.`;
  throw new CutpointError('CUT_PACKAGE', message);
}

async function codecsFor(request: CutEvaluationRequest, front: FrontSegment, back: BackSegment): Promise<CrossingWay> {
  const { cut, codec, tables, signal, private: isPrivate = false } = request;
  const { manifest } = request.front;
  const { layers, hiddenSize } = manifest.config;
  let texts: Promise<Texts> | undefined;
  const open = async (spec: string, at: number, hiddenOf: (text: readonly number[]) => Promise<Float32Array>) => {
    const step = stepOf(spec);
    if (step === undefined) return openHiddenCodec(spec, hiddenSize, tables);
    texts ??= request.calibrationTexts?.() ?? Promise.resolve([]);
    const hidden: Float32Array[] = [];
    for (const text of await texts) hidden.push(await hiddenOf(text));
    const { name, table } = tableOfHidden(manifest, at, hidden, step);
    return openHiddenCodec(`transform:table=${name}`, hiddenSize, new Map([[name, table]]));
  };
  const before = async (text: readonly number[]) => await front.hiddenOf(text, signal);
  const opened = await open(codec, cut, before);
  if (!isPrivate) return { codec: opened };
  const answer = request.answerCodec ?? (stepOf(codec) === undefined ? usualAnswerCodec(codec) : codec);
  const behind = async (text: readonly number[]) => await back.resultOf(await before(text), signal);
  return { codec: opened, answerCodec: await open(answer, layers, behind) };
}
