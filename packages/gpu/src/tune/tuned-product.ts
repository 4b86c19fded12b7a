import type { KernelChoice } from '../matmul/integer-product.js';
import type { ProductScheme } from '../matrix/product-scheme.js';
import { type ProductShape, schemeNamed } from './product-shape.js';
import type { TimedChoice } from './tune-product.js';

/** The fastest way of one scheme to compute a product on one GPU: plain data, to be kept in a file. */
export interface TunedProduct extends ProductShape {
  readonly scheme: ProductScheme['name'];
  readonly division: KernelChoice['shape'];
  readonly us: number;
}

/** @param timed the fastest first. @returns of each scheme the fastest. */
export function bestOfSchemes(shape: ProductShape, timed: readonly TimedChoice[]): readonly TunedProduct[] {
  const best = new Map<ProductScheme['name'], TunedProduct>();
  for (const { choice, us } of timed) {
    const { name } = choice.scheme;
    if (!best.has(name)) best.set(name, { ...shape, scheme: name, division: choice.shape, us });
  }
  return [...best.values()];
}

/** How one row and how many are multiplied with the same weights, and so by the same scheme. */
export interface ChosenKernels {
  readonly scheme: ProductScheme;
  readonly forOneRow: KernelChoice['shape'];
  readonly forRows: KernelChoice['shape'];
}

/**
 * What was found for a matrix: the scheme that is fastest for one row, as that is what each token takes.
 * @returns undefined where one row and several were not both measured, or by a scheme that this GPU lacks.
 */
export function chosenFor(
  shape: Omit<ProductShape, 'rows'>,
  tuned: readonly TunedProduct[],
  packedDot: boolean,
): ChosenKernels | undefined {
  const own = tuned.filter((one) => sameMatrix(one, shape));
  const fastest = own.filter(({ rows }) => rows === 1).sort((a, b) => a.us - b.us);
  for (const { scheme: name, division } of fastest) {
    const scheme = schemeNamed(name, shape, packedDot);
    const many = own.filter((one) => one.rows > 1 && one.scheme === name).sort((a, b) => b.rows - a.rows)[0];
    if (scheme !== undefined && many !== undefined) return { scheme, forOneRow: division, forRows: many.division };
  }
  return undefined;
}

function sameMatrix(a: Omit<ProductShape, 'rows'>, b: Omit<ProductShape, 'rows'>): boolean {
  const sizes = a.outputs === b.outputs && a.columns === b.columns && a.groupSize === b.groupSize;
  return sizes && a.weightBits === b.weightBits && a.activationBits === b.activationBits;
}
