export { DataPort, type RankAddress } from './group/data-port.js';
export { type GroupOptions, openGroup, SocketGroup } from './group/group.js';
export type { ClusterSecret } from './group/hello.js';
export {
  type GroupCost,
  type Payload,
  payloads,
  type RankGroup,
  type ReduceRule,
  type Topology,
  topologies,
} from './group/rank-group.js';
export type { WaitStyle } from './group/waiting.js';
export type { HalfLayer, OpenHalf } from './window/half-layer.js';
export { LayerWindow, type WindowOptions } from './window/layer-window.js';
export { type HalfBytes, planWindow, type WindowPlan } from './window/window-plan.js';
export type { WindowReport } from './window/window-report.js';
