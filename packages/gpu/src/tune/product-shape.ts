import type { ProductSize } from '../matmul/product-cost.js';
import type { BitWidth } from '../matrix/code-matrix.js';
import { type ProductScheme, schemesFor } from '../matrix/product-scheme.js';

/** A product of codes as far as its time depends on it: activations [rows, columns] times weights [outputs, columns]. */
export interface ProductShape extends ProductSize {
  readonly weightBits: BitWidth;
  readonly activationBits: BitWidth;
}

/** @param name one of those that `schemesFor` gives; undefined if this GPU cannot run it. */
export function schemeNamed(
  name: ProductScheme['name'],
  { activationBits, weightBits }: Pick<ProductShape, 'activationBits' | 'weightBits'>,
  packedDot: boolean,
): ProductScheme | undefined {
  return schemesFor(activationBits, weightBits, packedDot).find((scheme) => scheme.name === name);
}
