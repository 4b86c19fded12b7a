import type { GpuInfo } from '../device/gpu-info.js';
import { lackedBy } from '../device/kernel.js';
import { type KernelChoice, kernelOf } from '../matmul/integer-product.js';
import type { RowShape } from '../matmul/row-kernel.js';
import type { TileShape } from '../matmul/tile-kernel.js';
import { groupsOf } from '../matrix/code-matrix.js';
import { schemesFor } from '../matrix/product-scheme.js';
import type { ProductShape } from './product-shape.js';

const rowShapes: readonly RowShape[] = [1, 4].flatMap((eachM) =>
  [4, 16, 64].map((lanes) => ({ kind: 'rows' as const, threads: 64, lanes, eachM })),
);
const tileShapes: readonly TileShape[] = [
  { kind: 'tile', threadsM: 4, threadsN: 16, eachM: 2, eachN: 2, steps: 2 },
  { kind: 'tile', threadsM: 8, threadsN: 8, eachM: 4, eachN: 4, steps: 2 },
  { kind: 'tile', threadsM: 8, threadsN: 16, eachM: 2, eachN: 4, steps: 4 },
];
/** All ways of dividing work that are ever tried. */
export const knownDivisions: readonly KernelChoice['shape'][] = [...rowShapes, ...tileShapes];

/** With more rows than this, reading weights once for each few of them cannot be the fastest. */
const fewRows = 16;

/** The ways of computing a product that are worth a try on a GPU. */
export function candidatesFor(shape: ProductShape, info: GpuInfo): readonly KernelChoice[] {
  const { rows, activationBits, weightBits } = shape;
  const divisions = [...(rows <= fewRows ? rowShapes : []), ...(rows > 1 ? tileShapes : [])];
  const oneGroup = groupsOf(shape) === 1;
  return schemesFor(activationBits, weightBits, info.packedDot)
    .flatMap((scheme) => divisions.map((division) => ({ scheme, shape: division })))
    .filter((choice) => lackedBy(info, kernelOf(choice, 'floats', oneGroup)) === undefined);
}
