import { CutpointError, onCancel } from '@cutpoint/core';
import { browserSocket } from './browser-socket.js';
import { introduce } from './client-peer.js';
import { type ConnectLimits, connectWithin } from './connect-within.js';
import type { Introduction } from './hello.js';
import { defaultLimits, type WireLimits } from './limits.js';
import { BrowserLink } from './link-browser.js';
import type { Peer } from './peer.js';

/** `url`: `ws://` or `wss://` with a path. */
export interface BrowserConnectOptions extends ConnectLimits {
  readonly token?: string;
  readonly limits?: Partial<WireLimits>;
  /** How this side introduces itself. */
  readonly hello?: Introduction;
}

/**
 * Connects to a listener over the browser's own WebSocket, from a page or a worker.
 * @throws CutpointError CUT_UNREACHABLE, CUT_UNAUTHORISED, CUT_WIRE_VERSION, CUT_OVERLOADED; CUT_CANCELLED if `signal` aborts.
 */
export function connect(options: BrowserConnectOptions): Promise<Peer> {
  const { token, hello } = options;
  const limits = { ...defaultLimits, ...options.limits };
  return connectWithin(options, async (signal) => {
    const link = await dial(options.url, signal);
    const peer = introduce(link, { limits, hello, token, hungUp: undefined, identity: undefined });
    using _ = onCancel(signal, () => link.destroy());
    return await peer;
  });
}

function dial(url: string, signal: AbortSignal): Promise<BrowserLink> {
  const socket = browserSocket(url);
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      cancellation[Symbol.dispose]();
      const message = `No server answers at ${url}, or it refuses this page; the browser does not tell why.`;
      reject(new CutpointError('CUT_UNREACHABLE', message));
    };
    // What was called off: `connectWithin` knows why.
    const cancellation = onCancel(signal, () => {
      socket.close();
      fail();
    });
    socket.onclose = fail;
    socket.onopen = () => {
      cancellation[Symbol.dispose]();
      resolve(new BrowserLink(socket));
    };
  });
}
