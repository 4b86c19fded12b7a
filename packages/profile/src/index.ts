export { type DeviceOptions, profileDevice } from './device/profile-device.js';
export { type ProbeOptions, probeLink } from './link/probe-link.js';
export { type ProbePeerOptions, probePeer } from './link/probe-peer.js';
export {
  type ProfileElsewhere,
  type ProfileOptions,
  type ProfileProgress,
  profileModel,
} from './model/profile-model.js';
export type { RemoteBatch, RemoteFile, RemoteTimes } from './model/remote-timer.js';
export { findMeter } from './power/find-meter.js';
export type { MeterSurroundings, PowerMeter, PowerWatch } from './power/power-meter.js';
export { type StatedPower, statedPower } from './power/stated-power.js';
