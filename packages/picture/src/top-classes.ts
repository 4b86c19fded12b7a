import { f32Values, type Tensor } from '@cutpoint/core';

/** A class and how likely it is. */
export interface LikelyClass {
  readonly index: number;
  /** Between 0 and 1; of numbers that are no probabilities yet, those that a softmax makes of them. */
  readonly probability: number;
}

/** The likeliest classes of a list of f32 scores, the likeliest first. */
export function topClasses(scores: Tensor, most: number): LikelyClass[] {
  const values = f32Values(scores);
  const probabilities = areProbabilities(values) ? values : softmax(values);
  const order = Array.from(probabilities, (probability, index) => ({ index, probability }));
  return order.sort((a, b) => b.probability - a.probability).slice(0, most);
}

function areProbabilities(values: Float32Array): boolean {
  const sum = values.reduce((total, value) => total + value, 0);
  return values.every((value) => value >= 0 && value <= 1) && Math.abs(sum - 1) < 1e-3;
}

function softmax(values: Float32Array): Float32Array {
  const largest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
