import { connect } from '@cutpoint/wire';
import type { Dial } from './server-link.js';

/** Connects from Node, over any transport that the wire has. */
export const dialServer: Dial = ({ url, ca, token }, { connectTimeoutMs, silenceMs, signal }) =>
  connect({
    url,
    connectTimeoutMs,
    hello: { name: 'cutpoint-decoder', capabilities: [] },
    limits: { silenceMs },
    signal,
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(token === undefined ? {} : { token }),
  });
