import { requireTable } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import { Decoder } from '../../decode/decoder.js';
import type { DecoderRangeOptions } from '../../decode/decoder-range.js';
import { openPackageText, type PackageText } from '../../decode/package-text.js';
import type { TokenDecoder } from '../../decode/token-decoder.js';
import { modelIdentity } from '../../package/model-identity.js';
import type { PackageManifest } from '../../package/package-manifest.js';
import { widthOfLayers } from '../../package/width-of-layers.js';
import { openCrossingCodecs, type TableSource, tablesOf } from '../crossing-codecs.js';
import type { Split } from '../split-protocol.js';
import { ServerLink, type SplitServer } from './server-link.js';
import { SplitDecoder, type SplitWidths } from './split-decoder.js';

export interface SplitDecoderOptions extends DecoderRangeOptions {
  /** The layers before this one run here, the others at the server. The number of layers: all run here. */
  readonly at: number;
  /** The first is the planned one; the others are for when it is lost. Not needed where all runs here. */
  readonly servers: readonly SplitServer[];
  /** How hidden states cross. Default `raw`: the text is that of the model in one piece. */
  readonly codec?: string | undefined;
  /** How they come back where the split is private. Default: as `codec`, or f16 where that names a table. */
  readonly answerCodec?: string | undefined;
  /** Tables that the codecs name; servers that lack them are sent them. Default: none. */
  readonly tables?: TableSource | undefined;
  /** The server gets hidden states alone, neither tokens that go in nor those that come out. Default false. */
  readonly private?: boolean | undefined;
  readonly connectTimeoutMs?: number | undefined;
  /** How long servers are tried before a pass fails. Default 30 s. */
  readonly giveUpMs?: number | undefined;
}

/** A package that is open on this machine, as far as it runs here. */
export interface SplitLanguageModel extends PackageText, AsyncDisposable {
  readonly decoder: TokenDecoder;
}

/**
 * Opens the agent's part of a package and connects to the first server that can be used.
 * @throws CutpointError as `openPackageText` and `openSplitDecoder`.
 */
export async function openSplitLanguageModel(
  folder: string,
  options: SplitDecoderOptions,
): Promise<SplitLanguageModel> {
  const text = await openPackageText(folder);
  const decoder = await openSplitDecoder(folder, text.manifest, options);
  return { ...text, decoder, [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose]() };
}

/** What the layers of a model are stored in here, and at the server where it is cut. */
export function splitWidthsOf({ decoder, manifest }: SplitLanguageModel): SplitWidths {
  return decoder instanceof SplitDecoder ? decoder.widths : { agent: widthOfLayers(manifest.layers), server: null };
}

/**
 * Opens a decoder that is cut in two; the whole one where the cut leaves nothing to a server.
 * @throws CutpointError CUT_ILLEGAL_CUT, CUT_USAGE, CUT_CODEC_TABLE, what `options.tables`, `SplitDecoder.open` or
 * `Decoder.open` throw.
 */
export async function openSplitDecoder(
  folder: string,
  manifest: PackageManifest,
  {
    at,
    servers,
    codec,
    answerCodec,
    private: hides,
    tables: source,
    connectTimeoutMs,
    giveUpMs,
    ...options
  }: SplitDecoderOptions,
): Promise<TokenDecoder> {
  const { layers } = manifest.config;
  if (at > layers) {
    throw new CutpointError('CUT_ILLEGAL_CUT', `There is no cut at ${at}: the model has layers 0 to ${layers}.`);
  }
  if (at === layers) return await Decoder.open(folder, manifest, options);
  if (servers.length === 0) {
    throw new CutpointError('CUT_USAGE', 'A model that is cut needs a server for the layers behind: give its address.');
  }
  const split = splitOf({ at, codec, answerCodec, private: hides });
  const identity = modelIdentity(manifest);
  const all = (await source?.(identity)) ?? new Map();
  const codecs = openCrossingCodecs(split, manifest, all);
  const tables = new Map(tablesOf(split).map((name) => [name, requireTable(all, name)]));
  const link = new ServerLink({ servers, modelIdentity: identity, split, tables, connectTimeoutMs, giveUpMs });
  return await SplitDecoder.open(folder, manifest, { ...options, split, codecs, link });
}

function splitOf(options: Pick<SplitDecoderOptions, 'at' | 'codec' | 'answerCodec' | 'private'>): Split {
  const { at, codec = 'raw', answerCodec, private: hides = false } = options;
  return { at, private: hides, codec, ...(answerCodec === undefined ? {} : { answerCodec }) };
}
