import type { TransformTables } from '@cutpoint/codec';
import type { CancelSignal } from '@cutpoint/core';
import { openEmbedding } from '../decode/open-embedding.js';
import type { Package } from '../package/read-package.js';
import { tableAt } from '../split/crossing-codecs.js';
import { statesAtCuts } from './each-cut.js';
import { openHiddenCodec } from './hidden-codec.js';
import { stepOf, tableOfHidden } from './hidden-table.js';
import { type Leak, leakOf } from './leak.js';
import { windowsOf } from './windows.js';

export interface LeakRequest {
  readonly package: Package;
  /** One cut. Default: all between layers. */
  readonly cut?: number | undefined;
  /** What hidden states go through before they are attacked. Default: raw. */
  readonly codec?: string | undefined;
  readonly tables?: TransformTables | undefined;
  /** Texts of which the table of a `transform:step=0.3` is made. */
  readonly calibrationTexts?: (() => Promise<readonly (readonly number[])[]>) | undefined;
  readonly tokens: readonly number[];
  readonly context: number;
  /** Tokens that are attacked, from the beginning of the text. Default 1,000. */
  readonly mostTokens?: number;
  readonly threads?: number;
  readonly onProgress?: (cut: number) => void;
  readonly signal?: CancelSignal | undefined;
}

/** What a nearest-embedding attack reads at a cut. */
export interface CutLeak extends Leak {
  readonly cut: number;
}

/**
 * How many tokens of a text whoever receives its hidden states reads from them: `leakOf` at one cut, or at each.
 * @throws CutpointError as `evaluateCut`.
 */
export async function leakAtCuts(request: LeakRequest): Promise<readonly CutLeak[]> {
  const { codec = 'raw', mostTokens = 1000, signal, threads } = request;
  const { manifest, folder } = request.package;
  const { layers, hiddenSize, vocabularySize } = manifest.config;
  const windows = windowsOf(manifest.config, request.tokens.slice(0, mostTokens), request.context);
  const step = stepOf(codec);
  const forTables = step === undefined ? [] : ((await request.calibrationTexts?.()) ?? []);
  const options = { ...(threads === undefined ? {} : { threads }), ...(signal === undefined ? {} : { signal }) };
  await using embedding = await openEmbedding(folder, manifest);
  const found: CutLeak[] = [];
  const last = request.cut ?? layers - 1;
  for await (const { cut, hidden } of statesAtCuts(request.package, [...windows, ...forTables], last, options)) {
    if (request.cut !== undefined && cut !== request.cut) continue;
    request.onProgress?.(cut);
    if (step === undefined) tableAt(codec, manifest, cut, request.tables ?? new Map());
    const made = step === undefined ? undefined : tableOfHidden(manifest, cut, hidden.slice(windows.length), step);
    const opened =
      made === undefined
        ? openHiddenCodec(codec, hiddenSize, request.tables)
        : openHiddenCodec(`transform:table=${made.name}`, hiddenSize, new Map([[made.name, made.table]]));
    const crossed = hidden.slice(0, windows.length).map((rows) => opened.crossRows(rows).hidden);
    found.push({ cut, ...(await leakOf(embedding, vocabularySize, joined(crossed), windows.flat(), signal)) });
  }
  return found;
}

function joined(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
