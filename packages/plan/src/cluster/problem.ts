import type { PlanLink } from '../problem.js';

/**
 * How to run a language model on several devices at once, as numbers. `clusterProblemOf` makes it of what was measured. Every
 * layer counts as the largest of the model.
 */
export interface ClusterProblem {
  readonly model: ClusterModel;
  readonly devices: readonly ClusterDevice[];
  /** `ways[a][b]`: from device a to device b; undefined if there is none. */
  readonly ways: readonly (readonly (Way | undefined)[])[];
  /** The device that has the text, and must be rank 0. Undefined: any may be. */
  readonly rank0: number | undefined;
  /** Tokens of the prompt: what the first token waits for. */
  readonly promptTokens: number;
  /** Tokens of the whole text, for caches. */
  readonly lengthTokens: number;
  /** Bytes of one value of a partial sum as it travels. */
  readonly valueBytes: number;
}

/** A prompt is computed so many tokens at a time. */
export const chunkTokens = 128;
/** Columns of the feed-forward and tokens of the vocabulary that stay together, as `divide` of a cluster has them. */
export const ffnBlockColumns = 128;
export const vocabularyUnitTokens = 64;

export type Way = PlanLink['up'];

/** Sizes of a decoder. */
export interface ClusterModel {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Blocks of columns of one feed-forward. */
  readonly ffnBlocks: number;
  /** Units of the head's rows. */
  readonly vocabularyUnits: number;
  /** Weights of one layer, or of the head, by what they belong to. */
  readonly weights: {
    readonly queryHead: WeightBytes;
    readonly kvHead: WeightBytes;
    readonly ffnBlock: WeightBytes;
    readonly vocabularyUnit: WeightBytes;
  };
  /** Multiplications of one token with the weights of a layer, and of the head. */
  readonly multiplications: { readonly layer: number; readonly head: number };
  /** What each rank has of every layer. */
  readonly layerBytes: number;
  /** Keys and values of one token at one head of one layer. */
  readonly cacheBytes: number;
  /** Caches grow by so many tokens at a time. */
  readonly cacheStepTokens: number;
  /** Of the process, whatever it computes. */
  readonly processBytes: number;
  /** What a pass takes for each token that is computed at once. */
  readonly passBytes: {
    readonly token: number;
    readonly queryHead: number;
    readonly ffnBlock: number;
    /** And for each token of the text and query head. */
    readonly score: number;
  };
}

export interface WeightBytes {
  /** As they lie in memory. */
  readonly heldBytes: number;
  readonly fileBytes: number;
}

/** What was measured on one device. */
export interface ClusterDevice {
  readonly id: string;
  /** What its process may take. */
  readonly memoryBytes: number;
  /** Of one token: a whole layer's halves, and the whole head. */
  readonly token: { readonly attentionMs: number; readonly ffnMs: number; readonly headMs: number };
  /** Of a chunk of `chunkTokens` tokens. */
  readonly chunk: { readonly attentionMs: number; readonly ffnMs: number };
  /** Null: it cannot stream weights. */
  readonly disk: Disk | null;
}

export interface Disk {
  readonly bytesPerS: number;
  /** To make a whole layer ready to compute, once it is read. */
  readonly prepareLayerMs: number;
}

/** Who sends to whom in an all-reduce. */
export const reduceTopologies = ['star', 'mesh', 'ring', 'tree'] as const;
export type ReduceTopology = (typeof reduceTopologies)[number];

/** What one rank has of the layers of its stage, and what that takes. */
export interface RankPlan {
  readonly device: number;
  readonly heads: number;
  /** Columns of the feed-forward, in blocks; rows of the head, in units. */
  readonly ffnBlocks: number;
  readonly vocabularyUnits: number;
  readonly memory: RankMemory;
  /** Of one token: half layers of the stage, and the head. */
  readonly attentionMs: number;
  readonly ffnMs: number;
  readonly headMs: number;
}

export interface RankMemory {
  readonly peakBytes: number;
  /** Half layers in file bytes: each of attention, each of a feed-forward. */
  readonly halfFileBytes: { readonly attention: number; readonly ffn: number };
  /** Half layers that stay for good; all of them where nothing streams. */
  readonly kept: { readonly attention: number; readonly ffn: number };
  /** Room for what streams; 0 where nothing does. */
  readonly windowBytes: number;
  /** Read and made ready for each token. */
  readonly streamedBytes: number;
  readonly loadMs: number;
}

/** Layers in order, on one device or divided over a group of them. */
export interface StagePlan {
  readonly layers: number;
  /** The first is the one that talks with other stages. */
  readonly ranks: readonly [RankPlan, ...RankPlan[]];
  /** Undefined for a group of one. */
  readonly tokenTopology: ReduceTopology | undefined;
  readonly chunkTopology: ReduceTopology | undefined;
  /** Of one token: the slowest rank of each half, and all that the group sends within itself. */
  readonly computeMs: number;
  readonly syncMs: number;
  /** Of one all-reduce, for a token. */
  readonly reduceMs: number;
  /** The slowest disk. */
  readonly loadMs: number;
  /** `max(computeMs + syncMs, loadMs)` */
  readonly tokenMs: number;
  /** The same for a chunk of the prompt. */
  readonly chunkMs: number;
}

export interface ClusterPlan {
  readonly kind: 'alone' | 'tensor' | 'pipeline' | 'pipeline of groups';
  readonly stages: readonly [StagePlan, ...StagePlan[]];
  /** Of one token between stages, and back. */
  readonly hopMs: number;
  readonly msPerToken: number;
  readonly ttftMs: number;
  /** Of the rank that takes most. */
  readonly peakBytes: number;
}
