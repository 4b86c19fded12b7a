import type { CancelSignal } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { Surprise } from './surprise.js';
import { windowsOf } from './windows.js';

/** What tells of each token how likely it was: a `Decoder`, or one cut in two. */
export interface LogitsSource {
  readonly config: DecoderConfig;
  /** A new, empty sequence. */
  sequence(): number;
  /** Runs tokens behind those that a sequence has. @returns logits of all of them, [tokens, vocabularySize]. */
  logits(
    sequence: number,
    tokens: readonly number[],
    options: { readonly logits: 'all'; readonly signal?: CancelSignal },
  ): Promise<Float32Array>;
  drop(sequence: number): void;
}

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
  source: LogitsSource,
  tokens: readonly number[],
  { context, onProgress, signal }: PerplexityOptions,
): Promise<Perplexity> {
  const surprise = new Surprise();
  let done = 0;
  for (const window of windowsOf(source.config, tokens, context)) {
    const sequence = source.sequence();
    try {
      const options = signal === undefined ? {} : { signal };
      const logits = await source.logits(sequence, window, { logits: 'all', ...options });
      surprise.add(window, logits, source.config.vocabularySize);
    } finally {
      source.drop(sequence);
    }
    done += window.length;
    onProgress?.(done, tokens.length);
  }
  return { perplexity: surprise.perplexity, tokens: surprise.tokens };
}
