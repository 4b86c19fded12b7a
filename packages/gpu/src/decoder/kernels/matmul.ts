import type { KernelSource } from '../../device/kernel.js';
import type { ProductCost } from '../../matmul/product-cost.js';
import type { MatrixForm } from '../decoder-weights.js';
import { rowKernelText } from './row-text.js';
import { weightText } from './weight-text.js';

/** How the work is divided. */
export interface MatmulShape {
  readonly threads: number;
  /** Threads side by side that share a row of weights, a power of two; with one, nothing has to be joined. */
  readonly lanes: number;
  /** Rows of the step for which weights are made numbers once. */
  readonly eachRow: number;
}

/**
 * result[row, n] = sum over k of input[row, k] * weight[n, k], in f32. Weights are made numbers in registers.
 */
export function matmulKernel(form: MatrixForm, { threads, lanes, eachRow }: MatmulShape): KernelSource {
  const { rows: outputs, columns } = form;
  const { columnsPerChunk, storage, declarations } = weightText(form);
  const chunks = Math.ceil(columns / columnsPerChunk);
  const whole = columns % columnsPerChunk === 0;
  const product = (i: number) => {
    const term = `own[${i}] * input[row * ${columns}u + first + ${i}u]`;
    return whole ? `sum += ${term};` : `if (first + ${i}u < ${columns}u) { sum += ${term}; }`;
  };
  return rowKernelText({
    label: `${outputs} x ${columns} ${form.kind === 'float' ? form.dtype : `of ${form.bits} bits`}, ${eachRow} rows`,
    storage: [['input', 'read', 'array<f32>'], ['result', 'write', 'array<f32>'], ...storage],
    threads,
    sharedBytes: lanes === 1 ? 0 : 4 * threads,
    declarations: `${lanes === 1 ? '' : `var<workgroup> partial: array<f32, ${threads}>;`}${declarations}`,
    body: `
  let lane = thread % ${lanes}u;
  let n = group.x * ${threads / lanes}u + thread / ${lanes}u;
  let firstRow = group.y * ${eachRow}u;
  var sums = array<f32, ${eachRow}>();
  if (n < ${outputs}u) {
    for (var chunk = lane; chunk < ${chunks}u; chunk += ${lanes}u) {
      let own = weights(n, chunk);
      let first = chunk * ${columnsPerChunk}u;
      for (var i = 0u; i < ${eachRow}u; i++) {
        let row = min(firstRow + i, step.rows - 1u);
        var sum = 0.0;
        ${Array.from({ length: columnsPerChunk }, (_, i) => product(i)).join('\n        ')}
        sums[i] += sum;
      }
    }
  }
${lanes === 1 ? writeOwn(outputs, eachRow) : joinAndWrite(outputs, lanes, eachRow)}`,
  });
}

/** What `matmulKernel` does for so many rows: those that are missing in its last workgroups are computed as well. */
export function matmulCost(form: MatrixForm, { lanes, eachRow }: MatmulShape, rows: number): ProductCost {
  const { columnsPerChunk, chunkInstructions, chunkBytes } = weightText(form);
  const blocks = Math.ceil(rows / eachRow);
  const chunks = blocks * form.rows * Math.ceil(form.columns / columnsPerChunk);
  const joins = blocks * eachRow * form.rows * (lanes - 1);
  return {
    instructions: chunks * (chunkInstructions + eachRow * (columnsPerChunk + 1)) + joins,
    bytes: chunks * (chunkBytes + 4 * eachRow * columnsPerChunk) + 4 * rows * form.rows,
  };
}

function writeOwn(outputs: number, eachRow: number): string {
  return `
  for (var i = 0u; i < ${eachRow}u; i++) {
    if (n < ${outputs}u && firstRow + i < step.rows) { result[(firstRow + i) * ${outputs}u + n] = sums[i]; }
  }`;
}

function joinAndWrite(outputs: number, lanes: number, eachRow: number): string {
  return `
  for (var i = 0u; i < ${eachRow}u; i++) {
    partial[thread] = sums[i];
    workgroupBarrier();
    for (var apart = ${lanes / 2}u; apart > 0u; apart /= 2u) {
      if (lane < apart) { partial[thread] += partial[thread + apart]; }
      workgroupBarrier();
    }
    if (lane == 0u && n < ${outputs}u && firstRow + i < step.rows) {
      result[(firstRow + i) * ${outputs}u + n] = partial[thread];
    }
    workgroupBarrier();
  }`;
}
