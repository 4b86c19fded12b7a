import { readText } from '@cutpoint/daemon';
import { openLanguageModel, ownTexts, windowsOf } from '@cutpoint/llm';

/** Enough for means and principal components of hidden states that are not very wide. */
const calibrationTokens = 8_192;

export interface CalibrationTextOptions {
  /** A text of the caller's; without one the model writes some. */
  readonly file: string | undefined;
  readonly context: number;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** Texts to make tables of codecs of, as tokens: asked for once, when first needed. */
export function calibrationTexts(folder: string, options: CalibrationTextOptions) {
  let texts: Promise<readonly (readonly number[])[]> | undefined;
  return () => {
    texts ??= textsOf(folder, options);
    return texts;
  };
}

async function textsOf(folder: string, { file, context, threads, signal, onProgress }: CalibrationTextOptions) {
  const text = file === undefined ? undefined : await readText(file);
  await using model = await openLanguageModel(folder, { threads, signal });
  if (text !== undefined) return windowsOf(model.manifest.config, model.tokenizer.encode(text), context);
  return await ownTexts(model.decoder, {
    tokens: calibrationTokens,
    context,
    signal,
    onProgress: (done, total) => onProgress(`writes a text to calibrate with: ${done} of ${total} tokens`),
  });
}
