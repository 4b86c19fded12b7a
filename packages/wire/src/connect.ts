import { CutpointError, cancelReason, onCancel, throwIfCancelled } from '@cutpoint/core';
import { parseAddress } from './address.js';
import { introduce } from './client-peer.js';
import type { Introduction } from './hello.js';
import { defaultLimits, type WireLimits } from './limits.js';
import type { Peer } from './peer.js';
import type { Post } from './post.js';
import { type ClientTls, identify, type PeerIdentity } from './tls.js';
import { hungUpOnPlain } from './transport.js';
import { transportOf } from './transports.js';

export interface ConnectOptions {
  /** `tcp://host:port`, `tcps://`, `ws://`, `wss://`, `memory:name` or `mqtt:device`. */
  readonly url: string;
  /** How long connecting and the exchange of hellos may take together. */
  readonly connectTimeoutMs: number;
  /** For tcps and wss. Without a `check` the certificate must be of `ca`, or the system's authorities, and for the host. */
  readonly tls?: ClientTls;
  /** For mqtt: the connection to the broker. */
  readonly post?: Post;
  readonly token?: string;
  readonly limits?: Partial<WireLimits>;
  readonly signal?: AbortSignal;
  /** How this side introduces itself. */
  readonly hello?: Introduction;
}

/**
 * Connects to a listener.
 * @throws CutpointError CUT_UNREACHABLE, CUT_TLS, CUT_UNAUTHORISED, CUT_UNPAIRED, CUT_REVOKED, CUT_CERTIFICATE, CUT_WIRE_VERSION, CUT_OVERLOADED, CUT_USAGE, or
 *   CUT_CANCELLED if `signal` aborts.
 */
export async function connect(options: ConnectOptions): Promise<Peer> {
  const { url, connectTimeoutMs, tls, post, token, hello } = options;
  throwIfCancelled(options.signal);
  const address = parseAddress(url);
  if (tls?.check !== undefined && !address.secure) {
    throw new CutpointError(
      'CUT_TLS',
      `${url} is not encrypted, so nobody can be told by a certificate: use tcps:// or wss://.`,
    );
  }
  const limits = { ...defaultLimits, ...options.limits };
  const abort = new AbortController();
  using _ = onCancel(options.signal, () => options.signal && abort.abort(cancelReason(options.signal)));
  const timer = setTimeout(() => abort.abort(tooSlow(url, connectTimeoutMs)), connectTimeoutMs);
  try {
    let identity: PeerIdentity | undefined;
    const link = await transportOf(address).dial(address, {
      tls,
      post,
      signal: abort.signal,
      onSecure: (socket) => {
        identity = identify(socket, { check: tls?.check }, address.host);
      },
    });
    // A WebSocket that is open has got past TLS.
    const hungUp = address.scheme === 'tcp' ? hungUpOnPlain(address) : undefined;
    const peer = introduce(link, { limits, hello, token, hungUp, identity });
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
