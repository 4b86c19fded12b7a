import { type CancelSignal, CancelSource, CutpointError, cancelReason, onCancel } from '@cutpoint/core';

/** A signal that ends with the time or with another signal; disposing stops the clock. */
export interface Deadline extends Disposable {
  readonly signal: CancelSignal;
  /** What is left, in ms, at least 1. */
  leftMs(): number;
}

/** Longer than this `setTimeout` cannot wait; it is 24 days. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Starts a deadline of `ms` from now, also cut short by `signal`.
 * @example using deadline = startDeadline(1_000, signal); await work({ signal: deadline.signal });
 */
export function startDeadline(ms: number, signal?: CancelSignal): Deadline {
  const budgetMs = Math.min(ms, maxTimerMs);
  const endsAt = performance.now() + budgetMs;
  const source = new CancelSource();
  const expire = () => source.abort(new CutpointError('CUT_DEADLINE', `The request did not finish within ${ms} ms.`));
  const timer = setTimeout(expire, budgetMs);
  const subscription = onCancel(signal, () => signal && source.abort(cancelReason(signal)));
  return {
    signal: source,
    leftMs: () => Math.max(1, endsAt - performance.now()),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      subscription[Symbol.dispose]();
    },
  };
}
