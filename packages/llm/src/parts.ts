// What a cluster makes its shards of and runs them with.

export type { CacheRows } from './decode/cache-rows.js';
export { collectGarbage } from './decode/collect-garbage.js';
export type { ForwardMessage } from './decode/decoder-protocol.js';
export { DecoderService, type PassRunner } from './decode/decoder-service.js';
export { KvCache } from './decode/kv-cache.js';
export {
  openGraph,
  openReordered,
  reorderedFiles,
  saveReordered,
  type WeightsInMemory,
} from './decode/open-session.js';
export type { RangeService } from './decode/range-service.js';
export { type RopeTables, ropeTables } from './decode/rope-tables.js';
export { serveDecoder } from './decode/serve-decoder.js';
export type { HeadRun } from './graph/attention-nodes.js';
export { valueNames } from './graph/names.js';
export {
  attentionGraph,
  ffnGraph,
  type HalfPart,
  type ShardHeadPart,
  shardHeadGraph,
  shardNames,
} from './graph/shard-graphs.js';
export { freeMemoryBytes } from './memory/free-memory.js';
export { memoryOfPart } from './memory/held-bytes.js';
export { requireDiskSpace } from './package/disk-space.js';
export { isRunning } from './package/folder-beside.js';
export {
  decoderConfigSchema,
  layerWeightNames,
  limits as manifestLimits,
  partOf,
  sha256,
} from './package/manifest-schema.js';
export type { StoredBlockSize } from './package/package-manifest.js';
export { layOut } from './package/part-layout.js';
export { partFault } from './package/required-weights.js';
export { writeFolder } from './package/write-folder.js';
export { writePart } from './package/write-part.js';
export { codeAt, putCode } from './quantise/pack-codes.js';
