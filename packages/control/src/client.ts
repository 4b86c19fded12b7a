// For programs beside the daemons, which start often: the words of the fleet, and asking the server of this machine. It
// loads no broker, no store and no certificates.

export type { AdministrationRequest } from './identity/administration-request.js';
export { askLocally } from './identity/ask-locally.js';
export { loadIdentity } from './identity/device-identity.js';
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
export type { AuditEntry } from './store/audit.js';
export { type Scope, type StoredToken, scope } from './store/tokens.js';
