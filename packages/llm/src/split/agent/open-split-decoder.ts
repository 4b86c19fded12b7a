import { CutpointError } from '@cutpoint/core';
import { Decoder } from '../../decode/decoder.js';
import type { DecoderRangeOptions } from '../../decode/decoder-range.js';
import type { LanguageModel } from '../../decode/language-model.js';
import type { TokenDecoder } from '../../decode/token-decoder.js';
import type { PackageManifest } from '../../package/package-manifest.js';
import { readPackage } from '../../package/read-package.js';
import { chatTemplateOf } from '../../text/chat-template.js';
import { createTokenizer } from '../../text/tokenizer.js';
import { readTokenizerFiles } from '../../text/tokenizer-files.js';
import { manifestHash } from '../manifest-hash.js';
import { requireSplitCodec } from '../split-codec.js';
import { ServerLink, type SplitServer } from './server-link.js';
import { SplitDecoder } from './split-decoder.js';

export interface SplitDecoderOptions extends DecoderRangeOptions {
  /** The layers before this one run here, the others at the server. The number of layers: all run here. */
  readonly at: number;
  /** The first is the planned one; the others are for when it is lost. Not needed where all runs here. */
  readonly servers: readonly SplitServer[];
  /** How hidden states cross. Default `raw`: the text is that of the model in one piece. */
  readonly codec?: string | undefined;
  /** The server gets hidden states alone, neither tokens that go in nor those that come out. Default false. */
  readonly private?: boolean | undefined;
  readonly connectTimeoutMs?: number | undefined;
  /** How long servers are tried before a pass fails. Default 30 s. */
  readonly giveUpMs?: number | undefined;
}

/** A package that is open on this machine, as far as it runs here. */
export interface SplitLanguageModel extends Omit<LanguageModel, 'decoder'> {
  readonly decoder: TokenDecoder;
}

/**
 * Opens the agent's part of a package and connects to the first server that can be used.
 * @throws CutpointError as `openSplitDecoder`, `readTokenizerFiles` and `createTokenizer`.
 */
export async function openSplitLanguageModel(
  folder: string,
  options: SplitDecoderOptions,
): Promise<SplitLanguageModel> {
  const { manifest } = await readPackage(folder);
  const files = await readTokenizerFiles(folder);
  const tokenizer = createTokenizer(files.tokenizer, files.config, manifest.config.vocabularySize);
  const decoder = await openSplitDecoder(folder, manifest, options);
  const template = () => chatTemplateOf(files.config, files.template);
  return { manifest, decoder, tokenizer, template, [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose]() };
}

/**
 * Opens a decoder that is cut in two; the whole one where the cut leaves nothing to a server.
 * @throws CutpointError CUT_ILLEGAL_CUT, CUT_USAGE, what `SplitDecoder.open` or `Decoder.open` throw.
 */
export async function openSplitDecoder(
  folder: string,
  manifest: PackageManifest,
  { at, servers, codec = 'raw', private: hides = false, connectTimeoutMs, giveUpMs, ...options }: SplitDecoderOptions,
): Promise<TokenDecoder> {
  const { layers } = manifest.config;
  if (at > layers) {
    throw new CutpointError('CUT_ILLEGAL_CUT', `There is no cut at ${at}: the model has layers 0 to ${layers}.`);
  }
  requireSplitCodec(codec);
  if (at === layers) return await Decoder.open(folder, manifest, options);
  if (servers.length === 0) {
    throw new CutpointError('CUT_USAGE', 'A model that is cut needs a server for the layers behind: give its address.');
  }
  const split = { at, private: hides, codec };
  const hash = await manifestHash(folder);
  const link = new ServerLink({ servers, manifestHash: hash, split, connectTimeoutMs, giveUpMs });
  return await SplitDecoder.open(folder, manifest, { ...options, split, link });
}
