// The door that asks nothing of Node: what an agent in a web page runs of a language model.
export {
  type CompletionEnd,
  type CompletionPart,
  TextModel,
  type TextModelParts,
} from './conversation/text-model.js';
export { EmbeddingTable } from './decode/embedding-table.js';
export type { RangeDecoder } from './decode/range-decoder.js';
export { openWasmRange, type WasmRuntime } from './decode/wasm-range.js';
export { tokensThatFit } from './gpu/cache-tokens.js';
export { WgpuRange } from './gpu/wgpu-range.js';
export type { LayerRange } from './graph/range.js';
export { checkManifest } from './package/manifest-schema.js';
export { filesOf } from './package/package-files.js';
export {
  longestManifestBytes,
  manifestName,
  type PackageFile,
  type PackageManifest,
} from './package/package-manifest.js';
export { textOfPackage } from './package/package-text.js';
export type { OpenPart, PartSource } from './package/part-source.js';
export { openAgentParts } from './split/agent/open-parts.js';
export { openSplit, type SplitOptions } from './split/agent/open-split.js';
export type { Dial, SplitServer } from './split/agent/server-link.js';
export type { SplitDecoder } from './split/agent/split-decoder.js';
export { type ChatOffer, chatOfferName, chatOfferSchema } from './split/chat-offer.js';
export type { ChatMessage } from './text/chat-template.js';
export { greedySampling, type Sampling, samplingOf } from './text/sampling.js';
export { unwatched } from './text/within.js';
