import type { KernelSource } from '../device/kernel.js';
import { groupsOf } from '../matrix/code-matrix.js';
import type { ProductScheme } from '../matrix/product-scheme.js';
import {
  blockInputs,
  blockText,
  type IntegerProblem,
  integerParts,
  outputType,
  recoveryCost,
} from './integer-parts.js';
import { type ProductCost, type ProductSize, sumOfCosts } from './product-cost.js';

/** How a product with few rows on the left is divided: lanes side by side walk along a row of weights. */
export interface RowShape {
  readonly kind: 'rows';
  readonly threads: number;
  /** Threads that share one row of weights, a power of two; the others of the workgroup have rows of their own. */
  readonly lanes: number;
  /** Rows on the left that a thread multiplies with what it has read. */
  readonly eachM: number;
}

/**
 * Few rows times many: a decoder's next token. Weights are read once, straight into registers. Lanes divide the groups
 * among them; where there is one group only, its steps.
 */
export function rowKernel(
  problem: IntegerProblem,
  { threads, lanes, eachM }: RowShape,
  oneGroup: boolean,
): KernelSource {
  const { leftWords, rightWords, name } = problem.scheme;
  const type = oneGroup ? 'u32' : outputType(problem);
  const rows = threads / lanes;
  const left = (row: string, step: string) =>
    Array.from({ length: leftWords }, (_, i) => `leftWords[(${row} * shape.steps + ${step}) * ${leftWords}u + ${i}u]`);
  const right = (step: string) =>
    Array.from({ length: rightWords }, (_, i) => `rightWords[(n * shape.steps + ${step}) * ${rightWords}u + ${i}u]`);
  const addStep = (into: string) => `
          let w = array<u32, ${rightWords}>(${right('step').join(', ')});
          for (var i = 0u; i < ${eachM}u; i++) {
            let row = min(firstM + i, batch.rows - 1u);
            let a = array<u32, ${leftWords}>(${left('row', 'step').join(', ')});
            ${into}[i] += stepSum(a, w);
          }`;
  const walk = oneGroup
    ? `
        for (var step = lane; step < shape.steps; step += ${lanes}u) {${addStep('sums')}
        }`
    : `
        for (var group = lane; group < shape.groups; group += ${lanes}u) {
          var raw = array<u32, ${eachM}>();
          let end = min((group + 1u) * groupSteps(), shape.steps);
          for (var step = group * groupSteps(); step < end; step++) {${addStep('raw')}
          }
          for (var i = 0u; i < ${eachM}u; i++) {
            if (firstM + i < batch.rows) { sums[i] += groupProduct(raw[i], firstM + i, n, group); }
          }
        }`;
  const result = oneGroup ? 'groupProduct(partial[thread], firstM + i, n, 0u)' : 'partial[thread]';
  const wgsl = `${integerParts(problem)}
var<workgroup> partial: array<${type}, ${threads}>;

@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) thread: u32, ${blockInputs}) {
${blockText(rows)}
  let lane = thread % ${lanes}u;
  let n = block.x * ${rows}u + thread / ${lanes}u;
  let firstM = block.y * ${eachM}u;
  var sums = array<${type}, ${eachM}>();
  if (n < shape.n) {${walk}
  }
  for (var i = 0u; i < ${eachM}u; i++) {
    partial[thread] = sums[i];
    workgroupBarrier();
    for (var apart = ${lanes / 2}u; apart > 0u; apart /= 2u) {
      if (lane < apart) { partial[thread] += partial[thread + apart]; }
      workgroupBarrier();
    }
    if (lane == 0u && n < shape.n && firstM + i < batch.rows) {
      product[(firstM + i) * shape.n + n] = ${result};
    }
    workgroupBarrier();
  }
}
`;
  return { label: `${name} rows, ${lanes} lanes, ${eachM} at once`, wgsl, threads, sharedBytes: 4 * threads };
}

/** What `rowKernel` does: rows on the left that are missing in its last workgroups are computed as well. */
export function rowKernelCost(scheme: ProductScheme, { lanes, eachM }: RowShape, size: ProductSize): ProductCost {
  const blocks = Math.ceil(size.rows / eachM);
  const weightSteps = blocks * size.outputs * Math.ceil(size.columns / scheme.columnsPerStep);
  const steps = {
    instructions: weightSteps * eachM * (scheme.stepInstructions + 1),
    bytes: 4 * weightSteps * (scheme.rightWords + eachM * scheme.leftWords),
  };
  const groups = groupsOf(size);
  const joins = blocks * eachM * size.outputs * (lanes - 1);
  const additions = groups === 1 ? 0 : size.rows * size.outputs * groups;
  return sumOfCosts([steps, { instructions: joins + additions, bytes: 0 }, recoveryCost(scheme, size)]);
}
