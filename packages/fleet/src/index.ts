export { FleetDeployments, type FleetDeploymentsOptions } from './fleet-deployments.js';
