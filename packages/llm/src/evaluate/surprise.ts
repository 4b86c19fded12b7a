/** How surprised a model is by a text, summed up window by window. */
export class Surprise {
  #nats = 0;
  #tokens = 0;

  /** @param logits of all tokens of a window, [tokens, vocabularySize]; the first token is not scored. */
  add(window: readonly number[], logits: Float32Array, vocabularySize: number): void {
    for (let i = 1; i < window.length; i++) {
      const row = logits.subarray((i - 1) * vocabularySize, i * vocabularySize);
      this.#nats += surpriseOf(row, window[i] ?? 0);
      this.#tokens += 1;
    }
  }

  /** e to the mean of `-log p(token | those before it in its window)`. */
  get perplexity(): number {
    return Math.exp(this.#nats / this.#tokens);
  }

  /** Tokens that were scored: all but the first of each window. */
  get tokens(): number {
    return this.#tokens;
  }
}

/** -log of the softmax at a token, the largest logit taken out first so that nothing overflows. */
function surpriseOf(logits: Float32Array, token: number): number {
  let [most, all] = [Number.NEGATIVE_INFINITY, 0];
  for (const logit of logits) if (logit > most) most = logit;
  for (const logit of logits) all += Math.exp(logit - most);
  return Math.log(all) + most - (logits[token] ?? 0);
}
