/** Counts what each caller has under way, and lets none have more than its share: one that takes all takes only its own. */
export class Shares {
  readonly #most: number;
  readonly #underWay = new Map<string, number>();

  /** @param most how much each caller may have under way at the same time */
  constructor(most: number) {
    this.#most = most;
  }

  /** Begins something for a caller, until it is disposed. Undefined if the caller has its share already. */
  take(caller: string): Disposable | undefined {
    const before = this.#underWay.get(caller) ?? 0;
    if (before >= this.#most) return undefined;
    this.#underWay.set(caller, before + 1);
    return { [Symbol.dispose]: () => this.#giveBack(caller) };
  }

  #giveBack(caller: string): void {
    const left = (this.#underWay.get(caller) ?? 0) - 1;
    if (left > 0) this.#underWay.set(caller, left);
    else this.#underWay.delete(caller);
  }
}
