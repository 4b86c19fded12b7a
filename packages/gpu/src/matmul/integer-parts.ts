import { groupsOf } from '../matrix/code-matrix.js';
import { termBytes } from '../matrix/pack-operand.js';
import type { ProductScheme } from '../matrix/product-scheme.js';
import type { ProductCost, ProductSize } from './product-cost.js';

/** What a product of code matrices is written as. */
export type OutputKind =
  /** Sums of (code - zero point) products, exact, in i32; both operands have one group a row. */
  | 'integers'
  /** Those sums times both scales, added up over the groups, in f32. */
  | 'floats';

export interface IntegerProblem {
  readonly scheme: ProductScheme;
  readonly output: OutputKind;
}

export function outputType({ output }: IntegerProblem): 'i32' | 'f32' {
  return output === 'integers' ? 'i32' : 'f32';
}

/** Bindings and helpers that all kernels over integers share, in WGSL. */
export function integerParts(problem: IntegerProblem): string {
  const { scheme } = problem;
  return `
struct Shape { n: u32, k: u32, steps: u32, groups: u32, groupSize: u32 }
struct Batch { rows: u32 }
struct Term { sum: u32, zero: i32, scale: f32 }
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> leftWords: array<u32>;
@group(0) @binding(2) var<storage, read> leftTerms: array<Term>;
@group(0) @binding(3) var<storage, read> rightWords: array<u32>;
@group(0) @binding(4) var<storage, read> rightTerms: array<Term>;
@group(0) @binding(5) var<storage, read_write> product: array<${outputType(problem)}>;
@group(0) @binding(6) var<uniform> batch: Batch;

fn stepSum(a: array<u32, ${scheme.leftWords}>, w: array<u32, ${scheme.rightWords}>) -> u32 {
  return ${scheme.stepSum};
}

fn codeSum(raw: u32, left: u32, right: u32) -> u32 {
  return ${scheme.codeSum};
}

/** Products wrap at 2^32 and come back: what remains fits. */
fn recovered(raw: u32, l: Term, r: Term, columns: u32) -> i32 {
  let codes = i32(codeSum(raw, l.sum, r.sum));
  return codes - r.zero * i32(l.sum) - l.zero * i32(r.sum) + i32(columns) * l.zero * r.zero;
}

fn groupProduct(raw: u32, m: u32, n: u32, group: u32) -> ${outputType(problem)} {
  let l = leftTerms[m * shape.groups + group];
  let r = rightTerms[n * shape.groups + group];
  let columns = min(shape.groupSize, shape.k - group * shape.groupSize);
  let sum = recovered(raw, l, r, columns);
  return ${problem.output === 'integers' ? 'sum' : 'l.scale * r.scale * f32(sum)'};
}

fn groupSteps() -> u32 {
  return (min(shape.groupSize, shape.k) + ${scheme.columnsPerStep - 1}u) / ${scheme.columnsPerStep}u;
}
`;
}

/** Which block of a product a workgroup makes, as `block`: more than one dimension holds are numbered on in the next. @param blockN columns of a block. */
export function blockText(blockN: number): string {
  return `  let number = workgroup.y * workgroups.x + workgroup.x;
  let across = (shape.n + ${blockN - 1}u) / ${blockN}u;
  let block = vec2u(number % across, number / across);`;
}

/** Arguments of a kernel's `main` that `blockText` takes. */
export const blockInputs = '@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u';

/** What every kernel over integers does for each result and group, `groupProduct`, and writing results. */
export function recoveryCost(scheme: ProductScheme, size: ProductSize): ProductCost {
  const results = size.rows * size.outputs;
  const groups = groupsOf(size);
  // `recovered`: four products, three sums; `groupProduct`: a conversion, two products.
  const each = scheme.codeSumInstructions + 7 + 3;
  return { instructions: results * groups * each, bytes: results * (groups * 2 * termBytes + 4) };
}
