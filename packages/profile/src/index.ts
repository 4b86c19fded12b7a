export { type DeviceOptions, profileDevice } from './device/profile-device.js';
export { type ProbeOptions, type ProbePeerOptions, probeLink, probePeer } from './link/probe-link.js';
export { type ProfileOptions, type ProfileProgress, profileModel } from './model/profile-model.js';
export { findMeter } from './power/find-meter.js';
export type { MeterSurroundings, PowerMeter, PowerWatch } from './power/power-meter.js';
