import { CutpointError, onCancel } from '@cutpoint/core';
import { parseAddress } from './address.js';
import { introduce } from './client-peer.js';
import { type ConnectLimits, connectWithin } from './connect-within.js';
import type { Introduction } from './hello.js';
import { defaultLimits, type WireLimits } from './limits.js';
import type { Peer } from './peer.js';
import type { Post } from './post.js';
import { type ClientTls, identify, type PeerIdentity } from './tls.js';
import { hungUpOnPlain } from './transport.js';
import { transportOf } from './transports.js';

/** `url`: `tcp://host:port`, `tcps://`, `ws://`, `wss://`, `memory:name` or `mqtt:device`. */
export interface ConnectOptions extends ConnectLimits {
  /** For tcps and wss. Without a `check` the certificate must be of `ca`, or the system's authorities, and for the host. */
  readonly tls?: ClientTls;
  /** For mqtt: the connection to the broker. */
  readonly post?: Post;
  readonly token?: string;
  readonly limits?: Partial<WireLimits>;
  /** How this side introduces itself. */
  readonly hello?: Introduction;
}

/**
 * Connects to a listener.
 * @throws CutpointError CUT_UNREACHABLE, CUT_TLS, CUT_UNAUTHORISED, CUT_UNPAIRED, CUT_REVOKED, CUT_CERTIFICATE, CUT_WIRE_VERSION, CUT_OVERLOADED, CUT_USAGE, or
 *   CUT_CANCELLED if `signal` aborts.
 */
export function connect(options: ConnectOptions): Promise<Peer> {
  const { url, tls, post, token, hello } = options;
  const limits = { ...defaultLimits, ...options.limits };
  return connectWithin(options, async (signal) => {
    const address = parseAddress(url);
    if (tls?.check !== undefined && !address.secure) {
      throw new CutpointError(
        'CUT_TLS',
        `${url} is not encrypted, so nobody can be told by a certificate: use tcps:// or wss://.`,
      );
    }
    let identity: PeerIdentity | undefined;
    const link = await transportOf(address).dial(address, {
      tls,
      post,
      signal,
      onSecure: (socket) => {
        identity = identify(socket, { check: tls?.check }, address.host);
      },
    });
    // A WebSocket that is open has got past TLS.
    const hungUp = address.scheme === 'tcp' ? hungUpOnPlain(address) : undefined;
    const peer = introduce(link, { limits, hello, token, hungUp, identity });
    using _ = onCancel(signal, () => link.destroy());
    return await peer;
  });
}
