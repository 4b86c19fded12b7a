import { CutpointError, cancelReason, onCancel, throwIfCancelled } from '@cutpoint/core';
import { parseAddress } from './address.js';
import { introduce } from './client-peer.js';
import type { Introduction } from './hello.js';
import { defaultLimits, type WireLimits } from './limits.js';
import type { Peer } from './peer.js';
import { hungUpOnPlain } from './transport.js';
import { transportOf } from './transports.js';

export interface ConnectOptions {
  /** `tcp://host:port`, `tcps://`, `ws://`, `wss://` or `memory:name`. */
  readonly url: string;
  /** How long connecting and the exchange of hellos may take together. */
  readonly connectTimeoutMs: number;
  /** For tcps and wss: certificates to trust instead of the system's, PEM. The host name is always checked. */
  readonly tls?: { readonly ca?: string };
  readonly token?: string;
  readonly limits?: Partial<WireLimits>;
  readonly signal?: AbortSignal;
  /** How this side introduces itself. */
  readonly hello?: Introduction;
}

/**
 * Connects to a listener.
 * @throws CutpointError CUT_UNREACHABLE, CUT_TLS, CUT_UNAUTHORISED, CUT_WIRE_VERSION, CUT_OVERLOADED, CUT_USAGE, or
 *   CUT_CANCELLED if `signal` aborts.
 */
export async function connect(options: ConnectOptions): Promise<Peer> {
  const { url, connectTimeoutMs, tls, token, hello } = options;
  throwIfCancelled(options.signal);
  const address = parseAddress(url);
  const limits = { ...defaultLimits, ...options.limits };
  const abort = new AbortController();
  using _ = onCancel(options.signal, () => options.signal && abort.abort(cancelReason(options.signal)));
  const timer = setTimeout(() => abort.abort(tooSlow(url, connectTimeoutMs)), connectTimeoutMs);
  try {
    const link = await transportOf(address).dial(address, { ca: tls?.ca, signal: abort.signal });
    // A WebSocket that is open has got past TLS.
    const hungUp = address.scheme === 'tcp' ? hungUpOnPlain(address) : undefined;
    const peer = introduce(link, { limits, hello, token, hungUp });
    using __ = onCancel(abort.signal, () => link.destroy());
    return await peer;
  } catch (thrown) {
    throw abort.signal.aborted ? cancelReason(abort.signal) : thrown;
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(url: string, timeoutMs: number): CutpointError {
  return new CutpointError('CUT_UNREACHABLE', `${url} did not answer within ${timeoutMs} ms.`);
}
