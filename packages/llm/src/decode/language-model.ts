import { Decoder } from './decoder.js';
import type { DecoderRangeOptions } from './decoder-range.js';
import { openPackageText, type PackageText } from './package-text.js';

/** A package that is open on this machine: its decoder and its tokenizer. */
export interface LanguageModel extends PackageText, AsyncDisposable {
  readonly decoder: Decoder;
}

/**
 * Opens all of a package.
 * @throws CutpointError as `openPackageText` and `Decoder.open`.
 */
export async function openLanguageModel(folder: string, options: DecoderRangeOptions = {}): Promise<LanguageModel> {
  const text = await openPackageText(folder);
  const decoder = await Decoder.open(folder, text.manifest, options);
  return { ...text, decoder, [Symbol.asyncDispose]: () => decoder[Symbol.asyncDispose]() };
}
