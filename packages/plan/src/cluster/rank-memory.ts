import { type ClusterDevice, type ClusterModel, type ClusterProblem, chunkTokens, type RankMemory } from './problem.js';

/** What a rank has of each of its layers, and of the head. */
export interface Shard {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly ffnBlocks: number;
  readonly vocabularyUnits: number;
}

/** What a shard needs of memory, in bytes. */
export interface ShardBytes {
  /** Process, cache, head, norms and what a pass takes. */
  readonly besideLayers: number;
  readonly attention: number;
  readonly ffn: number;
  /** `besideLayers`, all half layers, and the largest twice as it lies on disk: while the last is opened. */
  readonly whole: number;
  /** The least with which it can run: `besideLayers`, one half layer that is open, and the largest twice as it lies on disk. */
  readonly least: number;
  readonly attentionFile: number;
  readonly ffnFile: number;
}

type Lengths = Pick<ClusterProblem, 'promptTokens' | 'lengthTokens'>;

export function shardBytes(model: ClusterModel, shard: Shard, { promptTokens, lengthTokens }: Lengths): ShardBytes {
  const { weights, passBytes, cacheBytes, cacheStepTokens } = model;
  const { layers, heads, kvHeads, ffnBlocks, vocabularyUnits } = shard;
  const atOnce = Math.min(chunkTokens, promptTokens);
  const kept = Math.ceil(lengthTokens / cacheStepTokens) * cacheStepTokens;
  const pass =
    passBytes.token + heads * (passBytes.queryHead + lengthTokens * passBytes.score) + ffnBlocks * passBytes.ffnBlock;
  const besideLayers =
    model.processBytes +
    layers * (model.layerBytes + kept * kvHeads * cacheBytes) +
    vocabularyUnits * weights.vocabularyUnit.heldBytes +
    atOnce * pass;
  const attention = heads * weights.queryHead.heldBytes + kvHeads * weights.kvHead.heldBytes;
  const ffn = ffnBlocks * weights.ffnBlock.heldBytes;
  const attentionFile = heads * weights.queryHead.fileBytes + kvHeads * weights.kvHead.fileBytes;
  const ffnFile = ffnBlocks * weights.ffnBlock.fileBytes;
  // One copy is read ahead while onnxruntime makes another its own.
  const opening = 2 * Math.max(attentionFile, ffnFile);
  return {
    besideLayers,
    attention,
    ffn,
    attentionFile,
    ffnFile,
    whole: besideLayers + opening + layers * (attention + ffn),
    least: besideLayers + opening + Math.max(attention, ffn),
  };
}

/**
 * How a rank's memory is used within its budget: all half layers stay if they fit; else one is open while the next is read
 * (TPI-LLM, arXiv 2410.00531, section 3.3, with the least window), and as many as fit beside that stay for good: whole layers first,
 * then the half that has more bytes to load, if it fits, or the other. So a shard that has more never loads less, on which `divideStage`
 * rests: of two halves that both fit, the one that is larger in memory may be the smaller on disk, and keeping that one would load more for
 * a shard of which only the other fits once it has grown. Undefined if not even the window fits, or the device cannot stream.
 */
export function rankMemory(
  model: ClusterModel,
  device: ClusterDevice,
  shard: Shard,
  lengths: Lengths,
): RankMemory | undefined {
  const { layers } = shard;
  const bytes = shardBytes(model, shard, lengths);
  const halfFileBytes = { attention: bytes.attentionFile, ffn: bytes.ffnFile };
  if (bytes.whole <= device.memoryBytes) {
    const kept = { attention: layers, ffn: layers };
    return { peakBytes: bytes.whole, halfFileBytes, kept, windowBytes: 0, streamedBytes: 0, loadMs: 0 };
  }
  if (device.disk === null || bytes.least > device.memoryBytes) return undefined;
  const room = device.memoryBytes - bytes.least;
  const pairs = Math.min(layers, Math.floor(room / (bytes.attention + bytes.ffn)));
  const left = room - pairs * (bytes.attention + bytes.ffn);
  const [large, small] =
    halfFileBytes.ffn >= halfFileBytes.attention ? (['ffn', 'attention'] as const) : (['attention', 'ffn'] as const);
  const extra = bytes[large] <= left ? large : bytes[small] <= left ? small : undefined;
  const keptOf = (half: 'attention' | 'ffn') => pairs + (extra === half ? 1 : 0);
  const kept = { attention: keptOf('attention'), ffn: keptOf('ffn') };
  const streamedBytes = (layers - kept.attention) * halfFileBytes.attention + (layers - kept.ffn) * halfFileBytes.ffn;
  return {
    peakBytes: bytes.least + kept.attention * bytes.attention + kept.ffn * bytes.ffn,
    halfFileBytes,
    kept,
    windowBytes: bytes.least - bytes.besideLayers,
    streamedBytes,
    loadMs: streamedBytes * loadMsPerByte(model, device.disk),
  };
}

/** Reading and making ready follow one another in one thread. */
export function loadMsPerByte(model: ClusterModel, disk: NonNullable<ClusterDevice['disk']>): number {
  const { queryHead, kvHead, ffnBlock } = model.weights;
  const layer =
    model.heads * queryHead.fileBytes + model.kvHeads * kvHead.fileBytes + model.ffnBlocks * ffnBlock.fileBytes;
  return 1000 / disk.bytesPerS + disk.prepareLayerMs / layer;
}
