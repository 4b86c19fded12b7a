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
