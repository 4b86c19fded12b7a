export { startAgent } from './agent.js';
export { inferAtAgent, inputsOfAgent } from './agent-client.js';
export { type AgentSettings, agentSettings } from './settings.js';
export {
  createSplitClient,
  needsServerFor,
  type SplitClient,
  type SplitClientOptions,
  type SplitResult,
  type SplitRunOptions,
  type SplitTiming,
} from './split-client.js';
