import type { CodeMatrix } from '../matrix/code-matrix.js';

/** Sizes of a product: activations [rows, columns] times weights [outputs, columns], in groups of columns. */
export interface ProductSize extends Pick<CodeMatrix, 'columns' | 'groupSize'> {
  readonly rows: number;
  readonly outputs: number;
}

/** What a kernel does for a whole product, by its own text. */
export interface ProductCost {
  /**
   * Operations on values: sums, products, shifts, counts; a product that is added to a sum at once is one. Not counted are addresses, loops,
   * and conversions that change no bits.
   */
  readonly instructions: number;
  /** What all threads together read from buffers, and write; caches serve a part of it. */
  readonly bytes: number;
}

export function sumOfCosts(costs: readonly ProductCost[]): ProductCost {
  const sum = (of: (cost: ProductCost) => number) => costs.reduce((all, cost) => all + of(cost), 0);
  return { instructions: sum(({ instructions }) => instructions), bytes: sum(({ bytes }) => bytes) };
}
