export {
  type AllocationMethod,
  allocationMethods,
  type LayerWidths,
  type LayerWidthsRequest,
  layerWidthsFor,
} from './allocate/layer-widths.js';
export {
  type DecoderConfig,
  type DecoderFamily,
  decoderFamilies,
  type LayerAttention,
  type Rope,
  type RopeScaling,
} from './architecture/decoder-config.js';
export {
  calibrateLlm,
  defaultHiddenCodecs,
  type LlmCalibrationRequest,
  type MeasuredCalibration,
} from './calibrate/calibrate.js';
export { type MeasuredSplits, measureSplits, type SplitsRequest } from './calibrate/measure-splits.js';
export { type WidthPackage, widthsOf } from './calibrate/width-package.js';
export type { Checkpoint, CheckpointTensor, DecoderTensors, LayerTensors } from './checkpoint/checkpoint.js';
export { type ImportRequest, importCheckpoint } from './checkpoint/import-checkpoint.js';
export { type LayerBits, layerBitsOf, parseLayerBits, type SplitBits } from './checkpoint/layer-bits.js';
export { openCheckpoint } from './checkpoint/open-checkpoint.js';
export { contentOf } from './checkpoint/package-content.js';
export { type WeightBits, type WidthRequest, weightBits } from './checkpoint/widths.js';
export { defaultPoolLimits, type PoolLimits, SequencePool, type TakenSequence } from './conversation/sequence-pool.js';
export {
  type CompletionEnd,
  type CompletionPart,
  type CompletionRequest,
  TextModel,
  type TextModelParts,
  type Usage,
} from './conversation/text-model.js';
export { Decoder } from './decode/decoder.js';
export { DecoderRange, type DecoderRangeOptions } from './decode/decoder-range.js';
export type { EmbeddingTable } from './decode/embedding-table.js';
export { type GenerateRequest, generate } from './decode/generate.js';
export { type LanguageModel, openLanguageModel } from './decode/language-model.js';
export { openEmbedding } from './decode/open-embedding.js';
export type { ForwardOptions, Pass } from './decode/range-decoder.js';
export type { NextTokens, Step, StepCost, TokenDecoder } from './decode/token-decoder.js';
export { type CutStates, statesAt, statesAtCuts } from './evaluate/each-cut.js';
export {
  type CutEvaluation,
  type CutEvaluationRequest,
  evaluateCut,
  requireSameModel,
} from './evaluate/evaluate-cut.js';
export { evaluationCache } from './evaluate/evaluation-cache.js';
export { type Crossed, type HiddenCodec, openHiddenCodec } from './evaluate/hidden-codec.js';
export { stepOf, tableOfHidden } from './evaluate/hidden-table.js';
export { type Leak, leakOf } from './evaluate/leak.js';
export { type CutLeak, type LeakRequest, leakAtCuts } from './evaluate/leak-at-cuts.js';
export {
  type CrossingBytes,
  type CrossingLoss,
  type CrossingOptions,
  type CrossingWay,
  measureCrossings,
} from './evaluate/measure-crossings.js';
export { type OwnTextOptions, ownTexts } from './evaluate/own-text.js';
export { type LogitsSource, type Perplexity, type PerplexityOptions, perplexityOf } from './evaluate/perplexity.js';
export { BackSegment, type CutPlace, FrontSegment } from './evaluate/segments.js';
export { windowsOf } from './evaluate/windows.js';
export { keepTuning, readTuning, tuningPath } from './gpu/tuning-file.js';
export { WgpuDecoder } from './gpu/wgpu-decoder.js';
export { openWgpuLanguageModel, type WgpuLanguageModel } from './gpu/wgpu-language-model.js';
export { codesFor, codesOfSetting, parseAskedWidths, parseWidths, type WidthsAsked } from './gpu/widths-asked.js';
export { type CacheChoice, type CacheKind, cacheChoices, cachedHeadBytes, cacheKinds } from './graph/cache-kind.js';
export { decoderGraph, type GraphOptions } from './graph/decoder-graph.js';
export type { LayerRange } from './graph/range.js';
export { clusterModel } from './memory/cluster-model.js';
export { freeMemoryBytes } from './memory/free-memory.js';
export { modelSizes, processBytes } from './memory/model-sizes.js';
export { weightSizes } from './memory/weight-sizes.js';
export { checkManifest } from './package/manifest-schema.js';
export { modelIdentity } from './package/model-identity.js';
export { filesOf, packageWeightBytes } from './package/package-files.js';
export {
  type BlockBits,
  type BlockSize,
  type FileSpan,
  type LayerWeightName,
  layerMatrixNames,
  manifestName,
  type PackageFile,
  type PackageManifest,
  type PackagePart,
  packageFormat,
  packageVersion,
  type StoredWeight,
} from './package/package-manifest.js';
export { type Package, readPackage, verifyFiles } from './package/read-package.js';
export { layerShapes } from './package/required-weights.js';
export {
  bytesOf,
  type PartContent,
  type WeightContent,
  type WeightForm,
  type WeightPiece,
} from './package/weight-content.js';
export { widthOfLayers } from './package/width-of-layers.js';
export { type NamedFile, type PackageContent, packageBytes, writePackage } from './package/write-package.js';
export type { WriteOptions } from './package/write-part.js';
export { chooseRangeProvider } from './provider/choose-range-provider.js';
export {
  type ModelProvider,
  modelProviders,
  type OpenedModel,
  openLanguageModelOn,
  type ProviderModelOptions,
} from './provider/open-language-model-on.js';
export type { RangeProvider } from './provider/open-range.js';
export {
  modelProviderOf,
  openWholeModel,
  requireNoThreads,
  tellChoice,
  type WholeModelOptions,
} from './provider/open-whole-model.js';
export type { BlockForm } from './quantise/block-form.js';
export type { CalibrationText } from './quantise/calibration-text.js';
export { blockSizes, dequantiseRows, quantiseRows } from './quantise/quantise-rows.js';
export {
  openSplitDecoder,
  openSplitLanguageModel,
  type SplitDecoderOptions,
  type SplitLanguageModel,
  splitWidthsOf,
} from './split/agent/open-split-decoder.js';
export type { SplitServer } from './split/agent/server-link.js';
export { SplitDecoder, type SplitWidths } from './split/agent/split-decoder.js';
export { type ChatOffer, chatOfferName, chatOfferSchema } from './split/chat-offer.js';
export { type TableSource, usualAnswerCodec } from './split/crossing-codecs.js';
export { passFrameBytes } from './split/frame-bytes.js';
export { manifestHash } from './split/manifest-hash.js';
export { DecoderHost, type DecoderHostOptions } from './split/server/decoder-host.js';
export { decoderOfShape, type ShapeName, shapeNames } from './synthesise/known-shapes.js';
export { writeRandomGguf } from './synthesise/random-gguf.js';
export { randomContent, randomPart, type SynthesiseRequest, synthesisePackage } from './synthesise/synthesise.js';
export type {
  ChatMessage,
  ChatTemplate,
  RenderOptions,
  TemplateLimits,
} from './text/chat-template.js';
export { type DraftOptions, draftOf, type Verified, verifyDraft } from './text/drafts.js';
export { greedySampling, type Sampling, sampleToken, samplingOf } from './text/sampling.js';
export { createStopFilter, type StopFilter } from './text/stop-strings.js';
export type { TextOptions, TextStream, Tokenizer } from './text/tokenizer.js';
export { readTokenizerFiles } from './text/tokenizer-files.js';
export type { TokenizerFiles } from './text/tokenizer-texts.js';
export { chatTemplateOf, createTokenizer } from './text/watched-text.js';
