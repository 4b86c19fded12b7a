export { type Baseline, baselinesOf } from './baselines.js';
export {
  type CalibratedCodec,
  type CalibratedCut,
  type Calibration,
  calibrationSchema,
  fewSamplesText,
  rateAccuracyFront,
  recommend,
} from './calibration.js';
export type { Change } from './changed-problem.js';
export { type ClusterDevices, parseClusterDevices } from './cluster/devices-file.js';
export { type ClusterExplanation, explainClusterPlan } from './cluster/explain.js';
export { clusterPlanName, shareList } from './cluster/explain-text.js';
export { type ClusterFront, clusterFront, type DeviceAlone, requireClusterFront } from './cluster/front.js';
export {
  type ClusterDevice,
  type ClusterModel,
  type ClusterPlan,
  type ClusterProblem,
  ffnBlockColumns,
  type RankMemory,
  type RankPlan,
  type StagePlan,
  vocabularyUnitTokens,
} from './cluster/problem.js';
export { type ClusterProblemSources, clusterProblemOf } from './cluster/problem-of.js';
export { explainSteadyState, type SteadyState, type SteadyTimes, steadyState } from './cluster/steady-state.js';
export { type Breakdown, checkChoice, costsOf, type Stage, stagesOf, tryCosts } from './costs.js';
export { type Explanation, explain, type Rival, type Tie } from './explain.js';
export { explainText } from './explain-text.js';
export { type Front, type FrontOptions, type FrontPoint, paretoFront } from './front.js';
export { type Conflict, explainInfeasible, requireFront } from './infeasible.js';
export { keepsLimits, measures, type PlanLimits } from './limits.js';
export { createLinkEstimator, type EstimatorOptions, type LinkEstimate, type LinkEstimator } from './link-estimator.js';
export type { ProbedLink } from './link-table.js';
export {
  type LlmCalibration,
  type LlmDeviceFigures,
  llmCalibrationSchema,
  parseLlmCalibration,
} from './llm/calibration.js';
export type { TokenStages } from './llm/costs.js';
export { explainLlmPlan, type LlmExplanation, llmExplanationText } from './llm/explain.js';
export { type LlmFront, type LlmFrontOptions, llmFront, pickLlmPlan } from './llm/front.js';
export { explainLlmInfeasible, type LlmConflict, requireLlmFront } from './llm/infeasible.js';
export { type LlmLimits, llmMeasures } from './llm/limits.js';
export { type HeldModel, llmMemoryParts, type MemoryParts, sumOfMemory } from './llm/memory.js';
export {
  type CacheUse,
  type LlmChoice,
  type LlmCosts,
  type LlmLayerTimes,
  type LlmModel,
  type LlmObjective,
  type LlmPassBytes,
  type LlmPlan,
  type LlmProblem,
  type LlmSide,
  type LlmSplit,
  llmObjectives,
} from './llm/problem.js';
export { type LlmProblemSources, llmProblemOf } from './llm/problem-of.js';
export { parseCalibration, parseLinkProfile, parseModelProfile, parseScenario } from './parse.js';
export { objectiveOfPick, type Pick, pickNames, pickPlan } from './pick.js';
export { type CodecFigures, checkCodecs, codecFigures } from './plan-codecs.js';
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
export { type ProblemSources, problemOf } from './problem-of.js';
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
export { createSwitcher, type LinkState, type Switcher, type SwitcherOptions } from './switcher.js';
export { noiseOf, simplerThan } from './worth-cutting.js';
