// What a program that asks the HTTP API needs of it: the shapes of answers, without the server that gives them.
export { type DeploymentRequest, deploymentRequest, type ModelFiles } from './http/deployment-request.js';
export {
  type AcceptedView,
  acceptedView,
  type DeviceView,
  devicesView,
  logsView,
  type RolloutView,
  type StatusView,
  statusView,
} from './http/fleet-admin.js';
export { failureAnswer } from './http/infer-schemas.js';
export {
  type DevicePlan,
  type FleetPlans,
  type NamedPlan,
  namedPlan,
  type PlanJobView,
  type PlanRequest,
  planJobView,
  planRequest,
} from './http/plan-request.js';
export { maxPartBytes, type UploadView, uploadView } from './http/upload-api.js';
