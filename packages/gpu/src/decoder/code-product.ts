import type { Gpu } from '../device/gpu.js';
import { bindIntegerProduct, uploadOperand } from '../matmul/integer-product.js';
import { quantiseRows } from '../matmul/quantise-rows.js';
import type { BitWidth, CodeMatrix } from '../matrix/code-matrix.js';
import { type ProductScheme, schemesFor } from '../matrix/product-scheme.js';
import { chosenFor, type TunedProduct } from '../tune/tuned-product.js';
import type { RowBuffers, RowProduct } from './gpu-matrix.js';

/** Where nobody has tuned. */
const forOneRow = { kind: 'rows', threads: 64, lanes: 16, eachM: 1 } as const;
const forRows = { kind: 'tile', threadsM: 4, threadsN: 16, eachM: 2, eachN: 2, steps: 2 } as const;

export interface CodeOptions {
  readonly activationBits: BitWidth;
  /** Rows of a step at most. */
  readonly rowsPerStep: number;
  /** What was found on this GPU. */
  readonly tuned: readonly TunedProduct[];
}

/**
 * A product of rows with codes, for one row and for many: the rows become codes themselves, and integers are multiplied.
 * @throws CutpointError CUT_INPUT, CUT_GPU_LIMIT, CUT_GPU_MEMORY, CUT_INTERNAL.
 */
export async function codeProduct(
  gpu: Gpu,
  matrix: CodeMatrix,
  { step, input, result }: RowBuffers,
  { activationBits, rowsPerStep, tuned }: CodeOptions,
): Promise<RowProduct> {
  const { columns, groupSize, rows: outputs, bits: weightBits } = matrix;
  const { packedDot } = gpu.info;
  const shape = { outputs, columns, groupSize, weightBits, activationBits };
  const usual = { scheme: schemeFor(activationBits, weightBits, packedDot), forOneRow, forRows };
  const kernels = chosenFor(shape, tuned, packedDot) ?? usual;
  const { scheme } = kernels;
  const right = await uploadOperand(gpu, matrix, scheme, 'right');
  const form = { scheme, bits: activationBits, groupSize };
  const { dispatch: quantise, operand: left } = await quantiseRows(
    gpu,
    { values: input, rows: rowsPerStep, columns },
    form,
  );
  const buffers = { left, right, batch: step, product: result };
  const one = await bindIntegerProduct(gpu, buffers, { scheme, shape: kernels.forOneRow }, 'floats');
  const many = await bindIntegerProduct(gpu, buffers, { scheme, shape: kernels.forRows }, 'floats');
  return (rows) => [quantise(rows), (rows === 1 ? one : many).dispatch(rows)];
}

/** Planes where they are fewer bytes than nibbles are (docs/gpu.md), or where bytes cannot be multiplied. */
function schemeFor(left: BitWidth, right: BitWidth, packedDot: boolean): ProductScheme {
  const [ofBits, ofBytes] = schemesFor(left, right, packedDot);
  return right <= 3 || ofBytes === undefined ? (ofBits as ProductScheme) : ofBytes; // planes are always first
}
