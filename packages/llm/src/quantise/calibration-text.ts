import { CutpointError } from '@cutpoint/core';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { readFloats } from '../checkpoint/decode-rows.js';
import { parseJson } from '../checkpoint/read-json.js';
import { createTokenizer } from '../text/watched-text.js';

/** Text that shows what goes through a model. */
export interface CalibrationText {
  readonly text: string;
  /** Tokens at most, in windows from all over the text. Default 4,096. */
  readonly tokens?: number | undefined;
}

const defaultTokens = 4096;
const windowTokens = 512;

/**
 * The tokens of windows from all over a text, each as long as the model's context or 512.
 * @throws CutpointError CUT_TOKENIZER, CUT_INPUT for a text of less than 16 tokens.
 */
export function calibrationWindows(
  { config, tokenizer }: Checkpoint,
  { text, tokens: most = defaultTokens }: CalibrationText,
): number[][] {
  const json = (name: string) => {
    const file = tokenizer.find(({ path }) => path === name);
    return file === undefined ? {} : parseJson(file.content, name);
  };
  const tokens = createTokenizer(json('tokenizer.json'), json('tokenizer_config.json'), config.vocabularySize).encode(
    text,
  );
  if (tokens.length < 16) {
    throw new CutpointError('CUT_INPUT', `The calibration text has ${tokens.length} tokens: take a longer one.`);
  }
  const length = Math.min(windowTokens, config.contextTokens, tokens.length, most);
  const windows = Math.max(1, Math.floor(Math.min(tokens.length, most) / length));
  return Array.from({ length: windows }, (_, window) => {
    const first = windows === 1 ? 0 : Math.floor((window * (tokens.length - length)) / (windows - 1));
    return tokens.slice(first, first + length);
  });
}

/** The hidden states [tokens, hiddenSize] with which a decoder begins, one row read per token. @throws CutpointError CUT_CHECKPOINT */
export async function embedded(
  { config, tensors }: Checkpoint,
  tokens: readonly number[],
): Promise<Float32Array<ArrayBuffer>> {
  const { hiddenSize, embeddingScale } = config;
  const hidden = new Float32Array(tokens.length * hiddenSize);
  for (const [i, token] of tokens.entries()) {
    const row = await readFloats(tensors.embedding, token, 1);
    hidden.set(
      row.map((value) => value * embeddingScale),
      i * hiddenSize,
    );
  }
  return hidden;
}
