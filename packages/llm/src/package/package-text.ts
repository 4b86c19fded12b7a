import { CutpointError } from '@cutpoint/core';
import { type ChatTemplate, templateOf } from '../text/chat-template.js';
import { type Tokenizer, tokenizerOf } from '../text/tokenizer.js';
import { tokenizerTexts } from '../text/tokenizer-texts.js';
import type { Within } from '../text/within.js';
import type { PackageManifest } from './package-manifest.js';
import type { OpenPart } from './part-source.js';

/** What a package says of its texts, wherever its files lie. */
export interface TextOfPackage {
  readonly tokenizer: Tokenizer;
  /** Undefined for a model without one. @throws CutpointError CUT_CHAT_TEMPLATE for one that is wrong. */
  readonly template: () => ChatTemplate | undefined;
}

/** @throws CutpointError CUT_TOKENIZER, and as `open` does. */
export async function textOfPackage(
  { name, tokenizer, config }: PackageManifest,
  open: OpenPart,
  within: Within,
): Promise<TextOfPackage> {
  const read = async (path: string, mostBytes: number) => {
    const file = tokenizer.find((one) => one.path === path);
    if (file === undefined) return undefined;
    if (file.bytes > mostBytes) {
      throw new CutpointError('CUT_TOKENIZER', `${path} has ${file.bytes} bytes, but at most ${mostBytes} are read.`);
    }
    await using source = await open(file);
    return new TextDecoder().decode(await source.read(0, file.bytes));
  };
  const files = await tokenizerTexts(read, `the package ${name}`);
  return {
    tokenizer: tokenizerOf(files.tokenizer, files.config, config.vocabularySize, within),
    template: () => templateOf(files.config, files.template, within),
  };
}
