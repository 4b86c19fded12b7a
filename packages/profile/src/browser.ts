// For a page in a browser: what a device does to be measured. Nothing here needs Node.

export { type ProbePeerOptions, probePeer } from './link/probe-peer.js';
export type { RemoteTimes } from './model/remote-timer.js';
export { type LoadedRunner, type RemoteRun, timeRemotely } from './model/time-remotely.js';
