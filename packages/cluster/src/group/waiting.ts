/** Whether the thread keeps turning its event loop while it waits, which wakes sooner and uses a whole core, or sleeps. */
export type WaitStyle = 'spin' | 'sleep';

/** A wait longer than this sleeps all the same. */
const longestSpinMs = 100;

/** Counts waits under way, and the time in which there were any. */
export class Waiting {
  readonly #style: WaitStyle;
  #count = 0;
  #sinceMs = 0;
  #waitedMs = 0;
  #turning = false;

  constructor(style: WaitStyle) {
    this.#style = style;
  }

  enter(): void {
    if (this.#count++ > 0) return;
    this.#sinceMs = performance.now();
    if (this.#style === 'sleep' || this.#turning) return;
    this.#turning = true;
    setImmediate(this.#turn);
  }

  leave(): void {
    if (--this.#count === 0) this.#waitedMs += performance.now() - this.#sinceMs;
  }

  /** Since this was called last. */
  takeMs(): number {
    const waitedMs = this.#waitedMs;
    this.#waitedMs = 0;
    return waitedMs;
  }

  readonly #turn = (): void => {
    if (this.#count > 0 && performance.now() - this.#sinceMs < longestSpinMs) setImmediate(this.#turn);
    else this.#turning = false;
  };
}
