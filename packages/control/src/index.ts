export { type Broker, type BrokerOptions, openBroker } from './broker/broker.js';
export {
  type BrokerConfigOptions,
  type BrokerKind,
  brokerConfig,
  brokerKinds,
  type ConfigFile,
} from './broker/broker-config.js';
export type { Identify } from './broker/doorkeeper.js';
export { type BrokerLimits, defaultBrokerLimits } from './broker/limits.js';
export type { Refusal } from './broker/refusals.js';
export { type BrokerIdentity, mayPublish, maySubscribe } from './broker/topic-rights.js';
export {
  type BrokerAddress,
  type BrokerConnection,
  type ConnectionOptions,
  type Delivery,
  openConnection,
  type PublishOptions,
} from './connection/connection.js';
export { ContentFetcher, type ContentFetcherOptions, type FetchOptions } from './content/content-fetcher.js';
export {
  type ContentHandler,
  type ContentHandlerOptions,
  type ContentSource,
  contentHandler,
  contentPath,
} from './content/content-handler.js';
export {
  type DeployedPlace,
  deployedPlace,
  splitFileName,
  splitName,
  tableFileName,
} from './content/deployed-names.js';
export type { ContentTls } from './content/download.js';
export type { Incoming } from './content/incoming.js';
export { ContentStore, type ContentStoreOptions, type Hold } from './content/store.js';
export { type AnnounceOptions, announce } from './discovery/announce.js';
export type { Announcement } from './discovery/announcement.js';
export { type ChooseOptions, chooseServer } from './discovery/choose-server.js';
export { type Attempt, type FindOptions, type FoundServer, findServers } from './discovery/find-servers.js';
export type { Check, Outcome } from './doctor/check.js';
export { type ExamineOptions, examine } from './doctor/examine.js';
export type { DeviceStatus, Patience } from './fleet/device-record.js';
export { defaultPatience, Fleet, type FleetChange, type FleetOptions } from './fleet/fleet.js';
export type { FleetDevice } from './fleet/fleet-device.js';
export { PeerBook, type PeerBookOptions } from './fleet/peer-book.js';
export { administer } from './identity/administration.js';
export { type AdministrationRequest, administrationRequest } from './identity/administration-request.js';
export { askLocally } from './identity/ask-locally.js';
export { backDatedMs, lifetimeMs } from './identity/authority.js';
export { type BrokerPlace, brokerUrl } from './identity/broker-place.js';
export { type Expectation, type FleetRules, fleetCheck } from './identity/check-peer.js';
export { clockOffsetMs, clockTrouble } from './identity/clock.js';
export {
  brokerTlsOf,
  clientTlsOf,
  type DeviceIdentity,
  loadIdentity,
  saveIdentity,
  serverTlsOf,
  trustedNowMs,
} from './identity/device-identity.js';
export {
  type FleetFolder,
  type FleetFolderOptions,
  type FleetServer,
  type FleetServerOptions,
  openFleetFolder,
  openFleetServer,
} from './identity/fleet-server.js';
export { Identities } from './identity/identities.js';
export { dialSecure, type SecureDial } from './identity/identity-client.js';
export { type IdentityHandler, identityHandler, identityPaths } from './identity/identity-handler.js';
export { type KeepRenewedOptions, keepRenewed } from './identity/keep-renewed.js';
export { certificateRequest, keyPem, makeKeys } from './identity/keys.js';
export { listenLocally } from './identity/local-control.js';
export { type FleetIdentity, hostName, identityOf, identityUri } from './identity/names.js';
export { ownHosts } from './identity/own-hosts.js';
export { type Paired, type PairOptions, pairDevice } from './identity/pair-device.js';
export { readCode } from './identity/pairing-code.js';
export { codeLifetimeMs, type Offer, PairingDesk } from './identity/pairing-desk.js';
export { askAdvice, type IdentityAdvice, renewDevice } from './identity/renew-device.js';
export { certificateAge, renewalDue } from './identity/renewal.js';
export { revokedError } from './identity/revoked.js';
export { type SignedFor, signDeployment, verifyDeployment } from './identity/signed-deployment.js';
export {
  createToken,
  holderOfToken,
  type NewToken,
  revokeToken,
  type TokenHolder,
  verifyToken,
} from './identity/tokens.js';
export {
  type ContentHash,
  contentHash,
  type DeploymentId,
  type DeviceId,
  deploymentId,
  deviceId,
  type FleetId,
  fleetId,
  type Generation,
  generation,
  type SessionId,
  sessionId,
} from './ids.js';
export type { CommandAction, RunCommand } from './member/commands-once.js';
export {
  type Measured,
  type Member,
  type MemberOptions,
  newSession,
  type Report,
  startMember,
  willOf,
} from './member/member.js';
export { factsOfThisDevice, openProcessMeter } from './member/this-device.js';
export type {
  Assignment,
  AssignmentState,
  DeployedFile,
  DesiredState,
  DeviceFacts,
  Peers,
  Presence,
  ReportedState,
  Rung,
  Telemetry,
} from './messages.js';
export {
  assignment,
  desiredState,
  deviceFacts,
  maxBytesOf,
  reportedState,
  rung,
  telemetry,
} from './messages.js';
export type { Interfaces } from './network/own-network.js';
export { listenedUrls, reachableUrl } from './network/reachable-urls.js';
export { type WatchNetworkOptions, watchNetwork } from './network/watch-network.js';
export { type AdmittedPage, PageGate, type PageGateOptions } from './page/page-gate.js';
export { maxPageTextBytes, pagePath } from './page/page-messages.js';
export type { PageSocket, PageSocketEvents } from './page/page-socket.js';
export { Audit, type AuditEntry } from './store/audit.js';
export { Deployments, type StoredDeployment } from './store/deployments.js';
export { type DeviceRole, Devices, deviceRole, type IssuedCertificate, type PairedDevice } from './store/devices.js';
export { makeFolder } from './store/make-folder.js';
export { ownFolder } from './store/owner-lock.js';
export { openStore, type Store } from './store/store.js';
export { type Scope, type StoredToken, scope, Tokens } from './store/tokens.js';
export { type MqttCourierOptions, mqttCourier } from './tensors/mqtt-courier.js';
