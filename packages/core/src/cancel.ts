import { CutpointError } from './errors.js';

/** Throws the reason of an aborted signal as a `CutpointError`. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelReason(signal);
}

/** Why a signal was aborted: its own `CutpointError`, CUT_DEADLINE for a timeout, else CUT_CANCELLED. */
export function cancelReason(signal: AbortSignal): CutpointError {
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
export function onCancel(signal: AbortSignal | undefined, listener: () => void): Disposable {
  if (signal === undefined) return { [Symbol.dispose]: () => {} };
  if (signal.aborted) listener();
  else signal.addEventListener('abort', listener, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', listener) };
}
