import type { LlmModel, LlmSide } from './problem.js';

/** What a side's memory holds, in bytes. */
export interface MemoryParts {
  readonly baseBytes: number;
  readonly weightBytes: number;
  readonly cacheBytes: number;
  /** What comes and goes: in a pass, or while weights are read, whichever is more. */
  readonly passingBytes: number;
}

/** What a side has of a model. */
export interface HeldModel {
  /** Of its layers, and of the head if it has it; without the device's factor. */
  readonly weightBytes: number;
  /** Beside the weights while they are read. */
  readonly loadBytes: number;
  readonly layers: number;
  /** Of the process, for what it does (`LlmRoleBytes`). */
  readonly roleBytes: number;
  /** Keys and values of one token in one layer; undefined for a side that keeps none. */
  readonly cacheBytes: number | undefined;
}

type ModelSizes = Pick<LlmModel, 'uncachedTokenBytes' | 'cacheStepTokens' | 'passBytes'>;

/**
 * The most memory that a process takes which computes its part of a text of so many tokens, `chunkTokens` of a prompt at a time:
 * what the kernel cannot take back. Pages of files (programs, and weights that are read) come on top where there is room.
 */
export function llmMemoryParts(
  model: ModelSizes,
  memory: LlmSide['memory'],
  held: HeldModel,
  { tokens, chunkTokens }: { readonly tokens: number; readonly chunkTokens: number },
): MemoryParts {
  const { cacheStepTokens, uncachedTokenBytes, passBytes } = model;
  const atOnce = Math.min(chunkTokens, tokens);
  const kept = Math.ceil(tokens / cacheStepTokens) * cacheStepTokens;
  const pass =
    atOnce * (passBytes.token + held.layers * passBytes.layerToken + tokens * passBytes.score) +
    tokens * passBytes.textToken;
  return {
    baseBytes: memory.baseBytes + held.roleBytes,
    weightBytes: memory.perWeightByte * held.weightBytes,
    cacheBytes: held.cacheBytes === undefined ? tokens * uncachedTokenBytes : held.layers * kept * held.cacheBytes,
    passingBytes: Math.max(pass, held.loadBytes),
  };
}

/** All that a side's process needs; 0 if it computes nothing. */
export function sumOfMemory(parts: MemoryParts | undefined): number {
  return parts === undefined ? 0 : Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}
