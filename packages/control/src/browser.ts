// For a page in a browser: what makes it a member of a fleet. Nothing here needs Node.

export { splitFileName } from './content/deployed-names.js';
export {
  type ContentHash,
  contentHash,
  type DeploymentId,
  type DeviceId,
  deviceId,
  type FleetId,
  type Generation,
  type SessionId,
} from './ids.js';
export type { CommandAction, RunCommand } from './member/commands-once.js';
export {
  type Measured,
  type Member,
  type MemberOptions,
  newSession,
  type Report,
  startMember,
} from './member/member.js';
export type { Assignment, AssignmentState, DeployedFile, DesiredState, DeviceFacts, Rung } from './messages.js';
export {
  type JoinWish,
  joinAsPage,
  type PageIdentity,
  type PageMember,
  type PageMemberOptions,
  type PageState,
} from './page/page-member.js';
export { pagePath } from './page/page-messages.js';
export type { PageSocket, PageSocketEvents } from './page/page-socket.js';
