export type { Adaptation, LinkObservation } from './adaptive-runner.js';
export { type AgentContext, startAgent } from './agent.js';
export { inferAtAgent, inputsOfAgent } from './agent-client.js';
export { FleetDeployments, type FleetDeploymentsOptions } from './fleet/fleet-deployments.js';
export {
  needsServerFor,
  type Route,
  type SplitParts,
  type SplitResult,
  type SplitRun,
  type SplitRunOptions,
  type SplitTiming,
} from './run-split.js';
export { type AgentSettings, agentSettings } from './settings.js';
export { createSplitClient, type SplitClient, type SplitClientOptions } from './split-client.js';
