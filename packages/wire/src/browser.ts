// The door for pages: nothing behind it needs Node.
export { type BrowserConnectOptions, connect } from './connect-browser.js';
export type { Meta } from './frame-encode.js';
export type { Introduction, Remote } from './hello.js';
export { defaultLimits, type WireLimits } from './limits.js';
export type { OutgoingRequest, Peer, Reply, RequestOptions, RequestTiming } from './peer.js';
export { answerProbe, maxProbeBytes, probeMethod, zeroBytes } from './probe.js';
