export {
  type GroupCost,
  type Payload,
  payloads,
  type RankGroup,
  type ReduceRule,
  type Topology,
  topologies,
} from './group/rank-group.js';
