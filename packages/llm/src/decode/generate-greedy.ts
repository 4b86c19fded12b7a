import type { CancelSignal } from '@cutpoint/core';
import type { Decoder } from './decoder.js';

export interface GreedyOptions {
  readonly maxTokens: number;
  /** Tokens that end the text; they are not given out. Default: the model's. */
  readonly endTokens?: readonly number[];
  readonly signal?: CancelSignal;
}

/** Continues a prompt, each time with the token of the largest logit. The sequence is closed when the loop ends. */
export async function* generateGreedy(
  decoder: Decoder,
  prompt: readonly number[],
  { maxTokens, endTokens = decoder.layers.config.endTokens, signal }: GreedyOptions,
): AsyncGenerator<number> {
  const sequence = decoder.layers.sequence();
  try {
    let next = prompt;
    for (let i = 0; i < maxTokens; i++) {
      const token = largest(await decoder.logits(sequence, next, signal === undefined ? {} : { signal }));
      if (endTokens.includes(token)) return;
      yield token;
      next = [token];
    }
  } finally {
    decoder.layers.drop(sequence);
  }
}

/** Position of the largest number; the first, if several are. */
export function largest(numbers: Float32Array): number {
  let best = 0;
  for (let i = 1; i < numbers.length; i++) if ((numbers[i] ?? 0) > (numbers[best] ?? 0)) best = i;
  return best;
}
