import type { PackageManifest } from '../package/package-manifest.js';
import { readPackage } from '../package/read-package.js';
import type { ChatTemplate } from '../text/chat-template.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { readTokenizerFiles } from '../text/tokenizer-files.js';
import { chatTemplateOf, createTokenizer } from '../text/watched-text.js';

/** What a package says of its texts, whoever decodes them. */
export interface PackageText {
  readonly manifest: PackageManifest;
  readonly tokenizer: Tokenizer;
  /** Undefined for a model without one. @throws CutpointError CUT_CHAT_TEMPLATE for one that is wrong. */
  readonly template: () => ChatTemplate | undefined;
}

/** @throws CutpointError as `readPackage`, `readTokenizerFiles` and `createTokenizer`. */
export async function openPackageText(folder: string): Promise<PackageText> {
  const { manifest } = await readPackage(folder);
  const files = await readTokenizerFiles(folder);
  const tokenizer = createTokenizer(files.tokenizer, files.config, manifest.config.vocabularySize);
  return { manifest, tokenizer, template: () => chatTemplateOf(files.config, files.template) };
}
