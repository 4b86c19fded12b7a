import { type BitWidth, type CodeMatrix, groupsOf } from './code-matrix.js';

/** A small generator of equal numbers on all machines (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface MatrixShape {
  readonly rows: number;
  readonly columns: number;
  readonly bits: BitWidth;
  readonly groupSize?: number;
}

/** Codes of all values, with zero points and scales of all groups. */
export function randomMatrix({ rows, columns, bits, groupSize = columns }: MatrixShape, seed: number): CodeMatrix {
  const random = randomNumbers(seed);
  const code = () => Math.floor(random() * 2 ** bits);
  const groups = groupsOf({ columns, groupSize });
  const codes = Uint8Array.from({ length: rows * columns }, code);
  const zeroPoints = Int32Array.from({ length: rows * groups }, code);
  const scales = Float32Array.from({ length: rows * groups }, () => 0.5 + random());
  return { rows, columns, bits, codes, groupSize, zeroPoints, scales };
}

/** The largest codes everywhere and no zero point: the largest sums. */
export function largestMatrix({ rows, columns, bits, groupSize = columns }: MatrixShape): CodeMatrix {
  const matrix = randomMatrix({ rows, columns, bits, groupSize }, 1);
  return { ...matrix, codes: matrix.codes.fill(2 ** bits - 1), zeroPoints: matrix.zeroPoints.fill(0) };
}

/** left x right^T as the definition has it, sum by sum and in float64 over the groups. */
export function productByDefinition(left: CodeMatrix, right: CodeMatrix, scaled: boolean): number[] {
  const groups = groupsOf(left);
  const product: number[] = [];
  for (let m = 0; m < left.rows; m++) {
    for (let n = 0; n < right.rows; n++) {
      let total = 0;
      for (let group = 0; group < groups; group++) {
        const sum = groupSum(left, right, { m, n, group });
        const scale = (left.scales[m * groups + group] ?? 0) * (right.scales[n * groups + group] ?? 0);
        total += scaled ? sum * scale : sum;
      }
      product.push(total);
    }
  }
  return product;
}

function groupSum(left: CodeMatrix, right: CodeMatrix, at: { m: number; n: number; group: number }): number {
  const { columns, groupSize } = left;
  const groups = groupsOf(left);
  const leftZero = left.zeroPoints[at.m * groups + at.group] ?? 0;
  const rightZero = right.zeroPoints[at.n * groups + at.group] ?? 0;
  let sum = 0;
  for (let k = at.group * groupSize; k < Math.min(columns, (at.group + 1) * groupSize); k++) {
    const a = (left.codes[at.m * columns + k] ?? 0) - leftZero;
    sum += a * ((right.codes[at.n * columns + k] ?? 0) - rightZero);
  }
  return sum;
}
