import type { CheckpointTensor } from '../checkpoint/checkpoint.js';
import { readFloats } from '../checkpoint/decode-rows.js';
import type { BlockForm } from './block-form.js';
import type { InputStatistics } from './input-statistics.js';
import type { OutputError } from './output-error.js';
import { dequantiseRows, quantiseRows } from './quantise-rows.js';

/** Exponents that are tried: 0, which leaves weights as they are, to 0.95. */
const exponents = Array.from({ length: 20 }, (_, i) => i / 20);
/** Rows of a tensor whose errors stand for all of them, read in runs of so many. */
const mostRows = 1024;
const runRows = 16;

export interface ScaleSearch {
  /** Those that are multiplied with the same inputs. */
  readonly tensors: readonly CheckpointTensor[];
  readonly form: BlockForm;
  readonly inputs: InputStatistics;
  /** How large the inputs of each column are: their means, or alike for columns that must be scaled alike. */
  readonly sizes: Float32Array;
}

/**
 * Factors of columns that make rounding lose least: activation-aware scaling (Lin et al., AWQ, MLSys 2024, section 3.2).
 * Of `sizes ^ r`, normalised by the root of the largest times the smallest, the r for which the products with the sampled
 * inputs are least off. Columns with large inputs so get finer steps at the cost of the others in their blocks.
 * @throws CutpointError CUT_CHECKPOINT, CUT_RUN
 */
export async function findScales(search: ScaleSearch, errors: OutputError): Promise<Float32Array> {
  const { tensors, sizes, inputs } = search;
  const candidates = exponents.map((exponent) => scalesOf(sizes, exponent));
  const sums = new Float64Array(candidates.length);
  const sample = inputs.sample;
  for (const tensor of tensors) {
    const rows = await someRows(tensor);
    for (const [i, scales] of candidates.entries()) {
      sums[i] = (sums[i] ?? 0) + (await errors.of(sample, roundingErrors(rows, scales, search.form), tensor.columns));
    }
  }
  const best = sums.indexOf(Math.min(...sums));
  return candidates[best] ?? new Float32Array(sizes.length).fill(1);
}

function scalesOf(sizes: Float32Array, exponent: number): Float32Array {
  const scales = sizes.map((size) => Math.max(size ** exponent, 1e-4));
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const scale of scales) {
    least = Math.min(least, scale);
    most = Math.max(most, scale);
  }
  const middle = Math.sqrt(least * most);
  return scales.map((scale) => scale / middle);
}

/** How far weights are off that were rounded with their columns scaled. */
function roundingErrors(values: Float32Array, scales: Float32Array, form: BlockForm): Float32Array {
  const columns = scales.length;
  const scaled = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) scaled[i] = (values[i] ?? 0) * (scales[i % columns] ?? 1);
  const rounded = dequantiseRows(quantiseRows(scaled, columns, form), values.length / columns, columns, form);
  for (let i = 0; i < values.length; i++) {
    rounded[i] = ((rounded[i] ?? 0) - (scaled[i] ?? 0)) / (scales[i % columns] ?? 1);
  }
  return rounded;
}

/** All rows of a tensor, or runs of them from all over it. */
async function someRows(tensor: CheckpointTensor): Promise<Float32Array> {
  if (tensor.rows <= mostRows) return await readFloats(tensor, 0, tensor.rows);
  const runs = mostRows / runRows;
  const values = new Float32Array(mostRows * tensor.columns);
  for (let run = 0; run < runs; run++) {
    const first = Math.floor((run * (tensor.rows - runRows)) / (runs - 1));
    values.set(await readFloats(tensor, first, runRows), run * runRows * tensor.columns);
  }
  return values;
}
