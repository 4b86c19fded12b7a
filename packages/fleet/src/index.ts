export { FleetDeployments, type FleetDeploymentsOptions } from './fleet-deployments.js';
export { type CommandParts, runCommands } from './run-command.js';
