/** A token bucket: what is spent comes back at a steady rate, and up to a second's worth is saved. */
export class RateBudget {
  readonly #perSecond: number;
  #left: number;
  #at: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#at = nowMs;
  }

  /** Spends, into debt if it must be, and says for how many ms to wait until the debt is paid; 0 if there is none. */
  spend(amount: number, nowMs: number): number {
    const earned = (Math.max(0, nowMs - this.#at) * this.#perSecond) / 1000;
    this.#left = Math.min(this.#perSecond, this.#left + earned) - amount;
    this.#at = nowMs;
    return this.#left >= 0 ? 0 : (-this.#left * 1000) / this.#perSecond;
  }
}
