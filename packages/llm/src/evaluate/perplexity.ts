import { type CancelSignal, CutpointError } from '@cutpoint/core';
import type { Decoder } from '../decode/decoder.js';

export interface PerplexityOptions {
  /** Tokens of a window; windows do not overlap. */
  readonly context: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: CancelSignal;
}

export interface Perplexity {
  /** e to the mean of `-log p(token | those before it in its window)`. */
  readonly perplexity: number;
  /** Tokens that were scored: all but the first of each window. */
  readonly tokens: number;
}

/**
 * How surprised a model is by a text.
 * @throws CutpointError CUT_USAGE for a window that the model does not take, CUT_INPUT for a text of less than two tokens, and
 * as `DecoderRange.forward`.
 */
export async function perplexityOf(
  decoder: Decoder,
  tokens: readonly number[],
  { context, onProgress, signal }: PerplexityOptions,
): Promise<Perplexity> {
  const { contextTokens, vocabularySize } = decoder.layers.config;
  if (!Number.isSafeInteger(context) || context < 2 || context > contextTokens) {
    const message = `A window has ${context} tokens, but must have 2 to the model's ${contextTokens}.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  if (tokens.length < 2) throw new CutpointError('CUT_INPUT', 'The text is too short: it needs two tokens or more.');
  let [surprise, scored] = [0, 0];
  for (let from = 0; from < tokens.length; from += context) {
    const window = tokens.slice(from, from + context);
    const sequence = decoder.layers.sequence();
    try {
      const logits = await decoder.logits(sequence, window, {
        logits: 'all',
        ...(signal === undefined ? {} : { signal }),
      });
      for (let i = 1; i < window.length; i++) {
        const row = logits.subarray((i - 1) * vocabularySize, i * vocabularySize);
        surprise += surpriseOf(row, window[i] ?? 0);
        scored += 1;
      }
    } finally {
      decoder.layers.drop(sequence);
    }
    onProgress?.(Math.min(from + context, tokens.length), tokens.length);
  }
  return { perplexity: Math.exp(surprise / scored), tokens: scored };
}

/** -log of the softmax at a token, the largest logit taken out first so that nothing overflows. */
function surpriseOf(logits: Float32Array, token: number): number {
  let [most, all] = [Number.NEGATIVE_INFINITY, 0];
  for (const logit of logits) if (logit > most) most = logit;
  for (const logit of logits) all += Math.exp(logit - most);
  return Math.log(all) + most - (logits[token] ?? 0);
}
