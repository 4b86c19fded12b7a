import { type CancelSignal, cancelReason, onCancel } from '@cutpoint/core';

/** Waits for a promise, but no longer than until the signal aborts. */
export function orCancelled<T>(promise: Promise<T>, signal: CancelSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const listening = onCancel(signal, () => reject(cancelReason(signal)));
    promise.then(resolve, reject).finally(() => listening[Symbol.dispose]());
  });
}
