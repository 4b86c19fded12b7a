export type { Adaptation, LinkObservation } from './adaptive-runner.js';
export { type AgentContext, startAgent } from './agent.js';
export { inferAtAgent, inputsOfAgent } from './agent-client.js';
export { type AgentSettings, agentSettings } from './settings.js';
export { createSplitClient, type SplitClient, type SplitClientOptions } from './split-client.js';
