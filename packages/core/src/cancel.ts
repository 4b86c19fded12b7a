import { CutpointError } from './errors.js';

/**
 * What tells work that it is not wanted any more: any `AbortSignal`, or a `CancelSource` where one is made for every
 * request, as an `AbortController` with its listeners costs as much as sending the request.
 */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  /** When it aborts by itself, on the clock of `performance.now()`; undefined if it has no deadline, or does not tell. */
  readonly endsAtMs?: number | undefined;
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once: true }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** A signal and the way to abort it, once. */
export class CancelSource implements CancelSignal {
  #reason: CutpointError | undefined;
  #listeners: (() => void)[] = [];

  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  get reason(): CutpointError | undefined {
    return this.#reason;
  }

  /** Calls each listener once; later calls do nothing. */
  abort(reason: CutpointError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (!this.aborted) this.#listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const index = this.#listeners.indexOf(listener);
    if (index >= 0) this.#listeners.splice(index, 1);
  }
}

/** Throws the reason of an aborted signal as a `CutpointError`. */
export function throwIfCancelled(signal: CancelSignal | undefined): void {
  if (signal?.aborted === true) throw cancelReason(signal);
}

/** Why a signal was aborted: its own `CutpointError`, CUT_DEADLINE for a timeout, else CUT_CANCELLED. */
export function cancelReason(signal: CancelSignal): CutpointError {
  const { reason } = signal;
  if (reason instanceof CutpointError) return reason as CutpointError;
  if (reason instanceof DOMException && reason.name === 'TimeoutError') {
    return new CutpointError('CUT_DEADLINE', 'The request did not finish before its deadline.', { cause: reason });
  }
  return new CutpointError('CUT_CANCELLED', 'The request was cancelled.', { cause: reason });
}

/**
 * Calls `listener` once when the signal aborts (at once if it has). The result removes the listener.
 * @example using _ = onCancel(signal, () => socket.destroy());
 */
export function onCancel(signal: CancelSignal | undefined, listener: () => void): Disposable {
  if (signal === undefined) return { [Symbol.dispose]: () => {} };
  if (signal.aborted) listener();
  else signal.addEventListener('abort', listener, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', listener) };
}
