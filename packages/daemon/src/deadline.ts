import { type CancelSignal, CancelSource, CutpointError, cancelReason, onCancel } from '@cutpoint/core';

/** Longer than this `setTimeout` cannot wait; it is 24 days. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * A signal that ends with the time or with another signal; disposing stops the clock.
 * @example using deadline = new Deadline(1_000, signal); await work({ signal: deadline });
 */
export class Deadline extends CancelSource implements Disposable {
  readonly endsAtMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #subscription: Disposable;

  /** Starts now. */
  constructor(ms: number, signal?: CancelSignal) {
    super();
    const budgetMs = Math.min(ms, maxTimerMs);
    this.endsAtMs = performance.now() + budgetMs;
    const expire = () => this.abort(new CutpointError('CUT_DEADLINE', `The request did not finish within ${ms} ms.`));
    this.#timer = setTimeout(expire, budgetMs);
    this.#subscription = onCancel(signal, () => signal && this.abort(cancelReason(signal)));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#subscription[Symbol.dispose]();
  }
}
