import { CutpointError, cancelReason, onCancel, throwIfCancelled } from '@cutpoint/core';

/** How long a connection may take to be made, and who may call it off. */
export interface ConnectLimits {
  readonly url: string;
  /** How long connecting and the exchange of hellos may take together. */
  readonly connectTimeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Makes a connection within its time; `make` gets the signal that ends it.
 * @throws CutpointError CUT_UNREACHABLE after `connectTimeoutMs`; CUT_CANCELLED if `signal` aborts; what `make` throws.
 */
export async function connectWithin<T>(
  { url, connectTimeoutMs, signal }: ConnectLimits,
  make: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  throwIfCancelled(signal);
  const abort = new AbortController();
  using _ = onCancel(signal, () => signal && abort.abort(cancelReason(signal)));
  const timer = setTimeout(() => abort.abort(tooSlow(url, connectTimeoutMs)), connectTimeoutMs);
  try {
    return await make(abort.signal);
  } catch (thrown) {
    throw abort.signal.aborted ? cancelReason(abort.signal) : thrown;
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(url: string, timeoutMs: number): CutpointError {
  return new CutpointError('CUT_UNREACHABLE', `${url} did not answer within ${timeoutMs} ms.`);
}
