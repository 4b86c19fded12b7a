export { type ConnectOptions, connect } from './connect.js';
export type { Meta } from './frame-encode.js';
export type { Hello, Introduction } from './hello.js';
export { defaultLimits, type WireLimits } from './limits.js';
export { type Listener, type ListenOptions, listen } from './listen.js';
export type { OutgoingRequest, Peer, Reply, RequestOptions, RequestTiming } from './peer.js';
export { answerProbe, maxProbeBytes, probeMethod, zeroBytes } from './probe.js';
export type { IncomingRequest, RequestHandler } from './served-connection.js';
export type { HttpHandler } from './transport.js';
