import type { TransformTable } from '@cutpoint/codec';
import type { CancelSignal } from '@cutpoint/core';
import type { LlmSplit } from '@cutpoint/plan';
import { Decoder } from '../decode/decoder.js';
import { statesAt } from '../evaluate/each-cut.js';
import { evaluationCache } from '../evaluate/evaluation-cache.js';
import { type HiddenCodec, openHiddenCodec } from '../evaluate/hidden-codec.js';
import { stepOf, tableOfHidden } from '../evaluate/hidden-table.js';
import { type CrossingWay, measureCrossings } from '../evaluate/measure-crossings.js';
import { perplexityOf } from '../evaluate/perplexity.js';
import { BackSegment, FrontSegment } from '../evaluate/segments.js';
import type { CacheKind } from '../graph/cache-kind.js';
import type { WidthPackage } from './width-package.js';

export interface SplitsRequest {
  readonly packages: readonly WidthPackage[];
  readonly cuts: readonly number[];
  readonly codecs: readonly string[];
  readonly caches: readonly CacheKind[];
  /** Also splits of which the agent keeps the head. */
  readonly private: boolean;
  readonly tokens: readonly number[];
  readonly context: number;
  readonly calibrationTexts: () => Promise<readonly (readonly number[])[]>;
  readonly threads: number;
  readonly onProgress?: (what: string) => void;
  readonly signal?: CancelSignal | undefined;
}

export interface MeasuredSplits {
  readonly splits: readonly LlmSplit[];
  readonly scoredTokens: number;
  /** By spec, those of tables too; one of each suffices to measure how long it takes. */
  readonly codecs: ReadonlyMap<string, CodecAtCut>;
  /** By the names that specs have for them. */
  readonly tables: ReadonlyMap<string, TransformTable>;
}

/** A codec, and a cut whose hidden states it is for; the number of layers for those behind the last. */
export interface CodecAtCut {
  readonly codec: HiddenCodec;
  readonly cut: number;
}

/** What a token takes on the link where it crosses as such. */
const tokenBytes = 4;

/**
 * Measures the perplexity of a model in one piece and cut in two, for every width before and behind the cut and every codec.
 * @throws CutpointError as `measureCrossings` and `perplexityOf`.
 */
export async function measureSplits(request: SplitsRequest): Promise<MeasuredSplits> {
  const { packages, cuts, onProgress } = request;
  const splits: LlmSplit[] = [];
  const codecs = new Map<string, CodecAtCut>();
  const tables = new Map<string, TransformTable>();
  let scoredTokens = 0;
  for (const one of packages) {
    for (const cache of request.caches) {
      onProgress?.(`perplexity of the whole model, width ${one.width}, caches in ${cache}`);
      const found = await wholePerplexity(one, cache, request);
      scoredTokens = found.tokens;
      splits.push(...wholeSplits(one, cache, found.perplexity));
    }
  }
  const { layers } = packages[0]?.manifest.config ?? { layers: 0 };
  const open = async (cut: number) => {
    const opened = await codecsAt(cut, request, tables);
    for (const codec of opened) if (!codecs.has(codec.spec)) codecs.set(codec.spec, { codec, cut });
    return opened;
  };
  const answers = request.private ? await open(layers) : [];
  for (const cut of cuts) {
    const ahead = (await open(cut)).map((codec) => ({ codec }));
    const bothWays = ahead.map(({ codec }, i) => ({ codec, answerCodec: answers[i] ?? codec }));
    for (const ways of request.private ? [ahead, bothWays] : [ahead]) {
      for (const cache of request.caches) splits.push(...(await splitsAt({ cut, cache, ways }, request)));
    }
  }
  return { splits, scoredTokens, codecs, tables };
}

async function wholePerplexity({ folder, manifest }: WidthPackage, cache: CacheKind, request: SplitsRequest) {
  const { tokens, context, threads, signal } = request;
  const options = signal === undefined ? {} : { signal };
  await using decoder = await Decoder.open(folder, manifest, { threads, ...evaluationCache(cache), ...options });
  return await perplexityOf(decoder, tokens, { context, ...options });
}

/** All on the agent, and all on the server: neither loses anything. */
function wholeSplits({ width, manifest }: WidthPackage, cache: CacheKind, perplexity: number): LlmSplit[] {
  const none = { codec: null, answerCodec: null, cache, perplexity };
  const [up, down] = [tokenBytes, tokenBytes];
  return [
    { ...none, cut: 0, frontWidth: null, backWidth: width, upBytes: up, downBytes: down },
    { ...none, cut: manifest.config.layers, frontWidth: width, backWidth: null, upBytes: 0, downBytes: 0 },
  ];
}

async function codecsAt(
  cut: number,
  { packages, codecs, calibrationTexts, threads, signal, onProgress }: SplitsRequest,
  tables: Map<string, TransformTable>,
): Promise<readonly HiddenCodec[]> {
  const [first] = packages;
  if (first === undefined) return [];
  const { hiddenSize } = first.manifest.config;
  const steps = codecs.map(stepOf);
  let hidden: readonly Float32Array[] = [];
  if (steps.some((step) => step !== undefined)) {
    onProgress?.(`tables of codecs at cut ${cut}`);
    const options = { threads, ...(signal === undefined ? {} : { signal }) };
    hidden = await statesAt(first, cut, await calibrationTexts(), options);
  }
  return codecs.map((spec, i) => {
    const step = steps[i];
    if (step === undefined) return openHiddenCodec(spec, hiddenSize);
    const { name, table } = tableOfHidden(first.manifest, cut, hidden, step);
    tables.set(name, table);
    return openHiddenCodec(`transform:table=${name}`, hiddenSize, tables);
  });
}

async function splitsAt(
  { cut, cache, ways }: { readonly cut: number; readonly cache: CacheKind; readonly ways: readonly CrossingWay[] },
  { packages, tokens, context, threads, signal, onProgress }: SplitsRequest,
): Promise<LlmSplit[]> {
  const isPrivate = ways.some(({ answerCodec }) => answerCodec !== undefined);
  const place = { cut, private: isPrivate };
  const options = { threads, ...evaluationCache(cache), ...(signal === undefined ? {} : { signal }) };
  const found: LlmSplit[] = [];
  const backs: BackSegment[] = [];
  try {
    for (const one of packages) backs.push(await BackSegment.open(one, place, options));
    for (const one of packages) {
      await using front = await FrontSegment.open(one, place, options);
      const measured = await measureCrossings(front, backs, ways, tokens, {
        context,
        signal,
        onProgress: (done, total) =>
          onProgress?.(
            `cut ${cut}${isPrivate ? ', private' : ''}, width ${one.width}, caches in ${cache}: ${done} of ${total} tokens`,
          ),
      });
      for (const { back, way, perplexity, up, down } of measured) {
        found.push({
          cut,
          frontWidth: one.width,
          backWidth: packages[back]?.width ?? null,
          codec: ways[way]?.codec.spec ?? null,
          answerCodec: ways[way]?.answerCodec?.spec ?? null,
          cache,
          perplexity,
          upBytes: up.perToken,
          downBytes: down?.perToken ?? tokenBytes,
        });
      }
    }
  } finally {
    for (const back of backs) await back[Symbol.asyncDispose]();
  }
  return found;
}
