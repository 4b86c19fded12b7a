export { type DeployedHandlerOptions, deployedHandler } from './deployed-handler.js';
export { DeployedRunner, type DeployedRunnerOptions } from './deployed-runner.js';
export {
  DeployedService,
  type DeployedServiceOptions,
  type WholeAnswer,
  type WholeRequest,
} from './deployed-service.js';
export { type DeviceLinkReport, DeviceLinks, type DeviceLinksOptions } from './device-links.js';
export { DeviceSecurity, type DeviceSecurityOptions } from './device-security.js';
export { FleetDeployments, type FleetDeploymentsOptions } from './fleet-deployments.js';
export { type FleetDevice, type JoinOptions, joinFleet } from './join-fleet.js';
export { LeaseGate } from './lease-gate.js';
export { linkMeter, type MeasuringOptions, measuringHandler } from './measuring-handler.js';
export { type Membership, type MembershipSettings, membershipOf } from './membership.js';
export { type DeviceSettings, type OpenDevice, type OpenDeviceOptions, openDevice } from './open-device.js';
export { addressesToAnnounce } from './own-addresses.js';
export { placeFile } from './place-file.js';
export { ProfileDesk, type ProfileDeskOptions } from './profile-desk.js';
export {
  type LinkAnswer,
  type LinkRequest,
  measureLinkMethod,
  mostWaitMs,
  type ProfileAnswer,
  type ProfileRequest,
  type ProfileStep,
  profileAnswerMeta,
  profileMethod,
  profileRequest,
} from './profile-request.js';
export { type CommandParts, runCommands } from './run-command.js';
