/** Bounds what the broker keeps for those that come later: the number of topics, and their bytes. */
export class RetainedBudget {
  readonly #maxTopics: number;
  readonly #maxBytes: number;
  readonly #kept = new Map<string, number>();
  #bytes = 0;

  constructor(maxTopics: number, maxBytes: number) {
    this.#maxTopics = maxTopics;
    this.#maxBytes = maxBytes;
  }

  /** Notes that a topic now keeps so many bytes, 0 to keep none. False: there is no room, and nothing was noted. */
  keep(topic: string, bytes: number): boolean {
    const before = this.#kept.get(topic) ?? 0;
    if (bytes === 0) {
      this.#kept.delete(topic);
      this.#bytes -= before;
      return true;
    }
    const inAll = this.#bytes - before + bytes;
    if (inAll > this.#maxBytes || (!this.#kept.has(topic) && this.#kept.size >= this.#maxTopics)) return false;
    this.#kept.set(topic, bytes);
    this.#bytes = inAll;
    return true;
  }
}
