export { type Breakdown, checkChoice, costsOf, type Stage, stagesOf, tryCosts } from './costs.js';
export { type Front, type FrontOptions, type FrontPoint, paretoFront } from './front.js';
export { keepsLimits, measures, type PlanLimits } from './limits.js';
export {
  type Objective,
  objectives,
  type Plan,
  type PlanChoice,
  type PlanCodec,
  type PlanCosts,
  type PlanDevice,
  type PlanLink,
  type PlanProblem,
} from './problem.js';
export {
  type DeviceProfile,
  deviceProfileSchema,
  type LinkProfile,
  linkProfileSchema,
  type ModelProfile,
  modelProfileSchema,
  type Power,
  powerSchema,
  type SegmentMeasurement,
} from './profiles.js';
export { type Scenario, type ScenarioDevice, type ScenarioLink, scenarioSchema } from './scenario.js';
