import type { LlmModel } from './problem.js';

/** Sums over ranges of layers, made once so that asking takes no longer for more layers. */
export interface ModelSums {
  /** Bytes of the weights of the layers [from, to). */
  weightBytes(width: string, from: number, to: number): number;
}

export function modelSums({ layerBytes }: LlmModel): ModelSums {
  const weights = new Map(Object.entries(layerBytes).map(([width, bytes]) => [width, runningSum(bytes)]));
  return {
    weightBytes: (width, from, to) => (weights.get(width)?.[to] ?? 0) - (weights.get(width)?.[from] ?? 0),
  };
}

function runningSum(values: readonly number[]): number[] {
  const sums = [0];
  for (const value of values) sums.push((sums.at(-1) ?? 0) + value);
  return sums;
}
