/** What rank 0 waited for slower ranks behind the first pass, which runs the prompt. */
export class WaitCount {
  #beforeMs: number | undefined;
  #totalMs = 0;

  /** @param waitedMs behind a pass: since the ranks were brought together, so it begins anew when they are once more. */
  pass(waitedMs: number): void {
    if (this.#beforeMs !== undefined) {
      this.#totalMs += waitedMs >= this.#beforeMs ? waitedMs - this.#beforeMs : waitedMs;
    }
    this.#beforeMs = waitedMs;
  }

  /** In the mean; `tokens` are those of the whole text, at least two. */
  perTokenMs(tokens: number): number {
    return this.#totalMs / (tokens - 1);
  }
}
