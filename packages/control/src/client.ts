// For programs beside the daemons, which start often: the words of the fleet, and asking the server of this machine. It
// loads no broker, no store and no certificates.

export { loadIdentity } from './identity/device-identity.js';
export { askLocally } from './identity/local-control.js';
export {
  type ContentHash,
  contentHash,
  type DeploymentId,
  type DeviceId,
  deploymentId,
  deviceId,
  type Generation,
  generation,
} from './ids.js';
export { type Assignment, deviceFacts, type Rung, reportedState, rung, telemetry } from './messages.js';
