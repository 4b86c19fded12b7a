export {
  ClusterDecoder,
  type ClusterEvent,
  type ClusterOptions,
} from './control/cluster-decoder.js';
export { type FormationFacts, usualChunkTokens } from './control/formation.js';
export type { HashedPackage } from './control/formation-options.js';
export { type RankEvent, RankHost, type RankHostOptions } from './control/rank-host.js';
export type { RankReading, RankReport } from './control/rank-report.js';
export type { RankEndpoint } from './control/remote-rank.js';
export { ShardStore } from './control/shard-store.js';
export type { RankCost, WindowCost } from './engine/rank-costs.js';
export { agreeRules } from './group/agree-rules.js';
export { type Candidate, chooseReduce, type ReduceChoice, type ReduceSpace } from './group/choose/choose-reduce.js';
export type { GroupMeasures, PairMeasure } from './group/choose/measures.js';
export { reduceMs } from './group/choose/reduce-cost.js';
export { DataPort, type RankAddress } from './group/data-port.js';
export { type GroupOptions, openGroup, SocketGroup } from './group/group.js';
export type { ClusterSecret } from './group/hello.js';
export { probeLinks } from './group/probe-links.js';
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
export { type LeadSettings, leadSettings } from './lead-settings.js';
export { type ClusterModel, type ClusterModelOptions, openClusterModel } from './open-cluster-model.js';
export { type RankSettings, rankSettings } from './rank-settings.js';
export { type Division, divide, type Slice, sliceOf } from './shard/division.js';
export { ffnUnitOf } from './shard/ffn-unit.js';
export { type RandomShardRequest, writeRandomShard } from './shard/random-shard.js';
export { type LeadOptions, startLead } from './start-lead.js';
export { damagedShardText, shardsFolder, startRank } from './start-rank.js';
export type { HalfLayer, OpenHalf } from './window/half-layer.js';
export { LayerWindow, type WindowOptions } from './window/layer-window.js';
export {
  lacksWindowEnvironment,
  noSlotsText,
  windowEnvironment,
  windowEnvironmentAdvice,
} from './window/window-environment.js';
export { type HalfBytes, planWindow, type WindowPlan } from './window/window-plan.js';
export type { WindowReport } from './window/window-report.js';
