import type { PackageManifest } from '../package/package-manifest.js';
import { readPackage } from '../package/read-package.js';
import { type ChatTemplate, chatTemplateOf } from '../text/chat-template.js';
import { createTokenizer, type Tokenizer } from '../text/tokenizer.js';
import { readTokenizerFiles } from '../text/tokenizer-files.js';
import { Decoder } from './decoder.js';
import type { DecoderRangeOptions } from './decoder-range.js';

/** A package that is open on this machine: its decoder and its tokenizer. */
export interface LanguageModel extends AsyncDisposable {
  readonly manifest: PackageManifest;
  readonly decoder: Decoder;
  readonly tokenizer: Tokenizer;
  /** Undefined for a model without one. @throws CutpointError CUT_CHAT_TEMPLATE for one that is wrong. */
  readonly template: () => ChatTemplate | undefined;
}

/**
 * Opens all of a package.
 * @throws CutpointError as `readPackage`, `readTokenizerFiles`, `createTokenizer` and `Decoder.open`.
 */
export async function openLanguageModel(folder: string, options: DecoderRangeOptions = {}): Promise<LanguageModel> {
  const { manifest } = await readPackage(folder);
  const files = await readTokenizerFiles(folder);
  const tokenizer = createTokenizer(files.tokenizer, files.config, manifest.config.vocabularySize);
  const decoder = await Decoder.open(folder, manifest, options);
  const template = () => chatTemplateOf(files.config, files.template);
  return { manifest, decoder, tokenizer, template, [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose]() };
}
