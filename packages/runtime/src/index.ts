export { type CutModel, cutModelOf, type OpenOptions, openCutModel, segmentsOf } from './model/cut-model.js';
export {
  type AssumedDim,
  type ConcreteInput,
  concreteInputs,
  type Dims,
  dimsOfInputs,
  inputSpecs,
  outputSpecs,
} from './model/input-types.js';
export { type ModelFile, readModelFile } from './model/model-file.js';
export { openSplit, type SplitOptions, splitOf } from './model/open-split.js';
export { preprocessingBeside } from './model/preprocessing-file.js';
export { randomInputs } from './model/random-inputs.js';
export { sourceOf } from './model/segment-source.js';
export type { SegmentsFile } from './model/segments-schema.js';
export { cacheFolder } from './model/shape-cache.js';
export { type MeasuredShapes, measureShapes, type ShapeOptions } from './model/shape-oracle.js';
export type { CutIdentity, SegmentPlan, SplitModel } from './model/split-model.js';
export { loadStage, type Stage, type StageResult } from './model/stage.js';
export { writeSegments } from './model/write-segments.js';
export { availableProviders } from './provider/available-providers.js';
export {
  type ChoiceRequest,
  chooseProvider,
  type KeptChoice,
  type ProviderMeasurement,
} from './provider/choose-provider.js';
export { measureSegment } from './provider/measure-segment.js';
export { type Chosen, openChosen } from './provider/open-chosen.js';
export { askedFor, autoProvider, type ProviderChoice, type ProviderTrial } from './provider/provider-choice.js';
export {
  forgetChoice,
  forgetChoices,
  type RememberedChoice,
  rememberedChoices,
} from './provider/remembered-choices.js';
export { requireProvider } from './provider/require-provider.js';
export { inferenceRuntime } from './segment/inference-runtime.js';
export { listProviders } from './segment/list-providers.js';
export { loadSegment } from './segment/load-segment.js';
export { enterNative, forgetGate, leaveNative, openGate } from './segment/native-gate.js';
export { orCancelled } from './segment/or-cancelled.js';
export { loadError, runError } from './segment/ort-errors.js';
export type {
  OutputSpec,
  ProviderInfo,
  RunOptions,
  RunResult,
  RunTiming,
  Segment,
  SegmentHealth,
  SegmentOptions,
  SegmentSource,
  UncarriedOutput,
} from './segment/segment.js';
export type { Bounds } from './verify/numerics.js';
export { type VerifyFailure, type VerifyOptions, type VerifyReport, verifySplits } from './verify/verify.js';
