import { requireTable } from '@cutpoint/codec';
import { type CancelSignal, CutpointError } from '@cutpoint/core';
import { modelIdentity } from '../../package/model-identity.js';
import type { PackageManifest } from '../../package/package-manifest.js';
import { openCrossingCodecs, type TableSource, tablesOf } from '../crossing-codecs.js';
import type { Split } from '../split-protocol.js';
import { type Dial, ServerLink, type SplitServer } from './server-link.js';
import { type AgentParts, SplitDecoder } from './split-decoder.js';

export interface SplitOptions {
  /** The layers before this one run here, the others at the server. */
  readonly at: number;
  /** The first is the planned one; the others are for when it is lost. */
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
  /** Cancels the opening. */
  readonly signal?: CancelSignal;
}

/** What is different in Node and in a browser. */
export interface SplitWays {
  readonly dial: Dial;
  /** Opens the layers before a cut, and the head where the split is private. */
  readonly openParts: (split: Split) => Promise<Omit<AgentParts, 'codecs'>>;
}

/**
 * Connects to the first server that can be used, and opens a decoder that is cut in two.
 * @throws CutpointError CUT_ILLEGAL_CUT, CUT_USAGE, CUT_CODEC_TABLE, what `options.tables`, `ServerLink.connected` or
 * `ways.openParts` throw.
 */
export async function openSplit(
  manifest: PackageManifest,
  options: SplitOptions,
  { dial, openParts }: SplitWays,
): Promise<SplitDecoder> {
  const { at, servers, tables: source, connectTimeoutMs, giveUpMs, signal } = options;
  const { layers } = manifest.config;
  if (at >= layers) {
    const message = `There is no cut at ${at}: of layers 0 to ${layers - 1} one at least is for the server.`;
    throw new CutpointError('CUT_ILLEGAL_CUT', message);
  }
  if (servers.length === 0) {
    throw new CutpointError('CUT_USAGE', 'A model that is cut needs a server for the layers behind: give its address.');
  }
  const split = splitOf(options);
  const identity = modelIdentity(manifest);
  const all = (await source?.(identity)) ?? new Map();
  const codecs = openCrossingCodecs(split, manifest, all);
  const tables = new Map(tablesOf(split).map((name) => [name, requireTable(all, name)]));
  const link = new ServerLink({ dial, servers, modelIdentity: identity, split, tables, connectTimeoutMs, giveUpMs });
  try {
    await link.connected(signal);
    return new SplitDecoder(manifest, split, { ...(await openParts(split)), codecs }, link);
  } catch (thrown) {
    await link[Symbol.asyncDispose]();
    throw thrown;
  }
}

function splitOf({ at, codec = 'raw', answerCodec, private: hides = false }: SplitOptions): Split {
  return { at, private: hides, codec, ...(answerCodec === undefined ? {} : { answerCodec }) };
}
