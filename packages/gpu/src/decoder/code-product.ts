import type { Gpu } from '../device/gpu.js';
import { bindIntegerProduct, uploadOperand } from '../matmul/integer-product.js';
import { quantiseRows } from '../matmul/quantise-rows.js';
import type { BitWidth, CodeMatrix } from '../matrix/code-matrix.js';
import { type ProductScheme, schemesFor } from '../matrix/product-scheme.js';
import type { RowBuffers, RowProduct } from './gpu-matrix.js';

const forOneRow = { kind: 'rows', threads: 64, lanes: 16, eachM: 1 } as const;
const forRows = { kind: 'tile', threadsM: 4, threadsN: 16, eachM: 2, eachN: 2, steps: 2 } as const;

/**
 * A product of rows with codes, for one row and for many: the rows become codes themselves, and integers are multiplied.
 * @param most rows of a step.
 * @throws CutpointError CUT_INPUT, CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_INTERNAL.
 */
export async function codeProduct(
  gpu: Gpu,
  matrix: CodeMatrix,
  activationBits: BitWidth,
  { step, input, result }: RowBuffers,
  most: number,
): Promise<RowProduct> {
  const scheme = schemeFor(activationBits, matrix.bits, gpu.info.packedDot);
  const { columns, groupSize } = matrix;
  const right = await uploadOperand(gpu, matrix, scheme, 'right');
  const form = { scheme, bits: activationBits, groupSize };
  const { dispatch: quantise, operand: left } = await quantiseRows(gpu, { values: input, rows: most, columns }, form);
  const buffers = { left, right, batch: step, product: result };
  const one = await bindIntegerProduct(gpu, buffers, { scheme, shape: forOneRow }, 'floats');
  const many = await bindIntegerProduct(gpu, buffers, { scheme, shape: forRows }, 'floats');
  return (rows) => [quantise(rows), (rows === 1 ? one : many).dispatch(rows)];
}

/** Planes where they are fewer bytes than nibbles are (docs/gpu.md), or where bytes cannot be multiplied. */
function schemeFor(left: BitWidth, right: BitWidth, packedDot: boolean): ProductScheme {
  const [planes, ofBytes] = schemesFor(left, right, packedDot);
  return right <= 3 || ofBytes === undefined ? (planes as ProductScheme) : ofBytes; // planes are always first
}
