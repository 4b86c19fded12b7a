export { assignmentsOf, type Deployed, filesOf, splitsOf } from './deploy/assignments.js';
export { type DeployModelOptions, deployModel } from './deploy/deploy-model.js';
export { Deployer, type DeployerOptions, type DeployFleet, type DeployRecords } from './deploy/deployer.js';
export { type PackagedModel, type PackageOptions, packageModel } from './deploy/package-model.js';
export { type Ladder, ladderOfPlan, laddersOfPlan, wholeRung } from './deploy/plan-ladder.js';
export type { FleetAssignments, RolloutProblem } from './deploy/rollout.js';
export type { RolloutPhase, RolloutStatus } from './deploy/rollout-views.js';
export { type ServerContext, startServer } from './server.js';
export { type ServerSettings, serverSettings } from './settings.js';
