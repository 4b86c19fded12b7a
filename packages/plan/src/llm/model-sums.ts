import type { LlmModel } from './problem.js';

/** Sums over ranges of layers, made once so that asking takes no longer for more layers. */
export interface ModelSums {
  /** Bytes of the weights of the layers [from, to). */
  weightBytes(width: string, from: number, to: number): number;
  /** Tokens in the caches of these layers, summed over them, behind a text of so many. */
  keptTokens(from: number, to: number, tokens: number): number;
}

export function modelSums({ layerBytes, windowTokens }: LlmModel): ModelSums {
  const weights = new Map(Object.entries(layerBytes).map(([width, bytes]) => [width, runningSum(bytes)]));
  // Few windows differ: a model has one, or layers that see all and layers that see the same few.
  const windows = [...new Set(windowTokens)].map((window) => ({
    window: window ?? Infinity,
    counts: runningSum(windowTokens.map((of) => (of === window ? 1 : 0))),
  }));
  const between = (sums: readonly number[] | undefined, from: number, to: number) =>
    (sums?.[to] ?? 0) - (sums?.[from] ?? 0);
  return {
    weightBytes: (width, from, to) => between(weights.get(width), from, to),
    keptTokens: (from, to, tokens) =>
      windows.reduce((sum, { window, counts }) => sum + between(counts, from, to) * Math.min(tokens, window), 0),
  };
}

function runningSum(values: readonly number[]): number[] {
  const sums = [0];
  for (const value of values) sums.push((sums.at(-1) ?? 0) + value);
  return sums;
}
