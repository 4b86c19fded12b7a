import { type BitWidth, type CodeMatrix, checkMatrix, groupsOf } from './code-matrix.js';
import type { ProductScheme } from './product-scheme.js';

/** Which side of a product: activations on the left, weights on the right. */
export type Side = 'left' | 'right';

/** Bytes of a term: sum of codes (u32), zero point (i32), scale (f32). */
export const termBytes = 12;

/** A matrix as kernels read it. */
export interface PackedOperand {
  /** rows x steps x words of a step. */
  readonly words: Uint32Array;
  /** rows x groups terms. */
  readonly terms: Uint8Array;
}

/**
 * Puts codes into words as a scheme wants them: weights once, before they go to the GPU. A row is padded with zeros to
 * whole steps.
 * @throws CutpointError CUT_INPUT if the matrix is not one.
 */
export function packOperand(matrix: CodeMatrix, scheme: ProductScheme, side: Side): PackedOperand {
  checkMatrix(matrix);
  const { rows, columns, bits, codes } = matrix;
  const { columnsPerStep } = scheme;
  const wordsPerStep = side === 'left' ? scheme.leftWords : scheme.rightWords;
  const steps = Math.ceil(columns / columnsPerStep);
  const words = new Uint32Array(rows * steps * wordsPerStep);
  const place = placeOf(scheme, side, bits);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const step = Math.floor(column / columnsPerStep);
      const first = (row * steps + step) * wordsPerStep;
      place(words, first, column % columnsPerStep, codes[row * columns + column] ?? 0);
    }
  }
  return { words, terms: termsOf(matrix) };
}

type Place = (words: Uint32Array, first: number, column: number, code: number) => void;

function placeOf(scheme: ProductScheme, side: Side, bits: BitWidth): Place {
  if (scheme.name === 'planes') {
    return (words, first, column, code) => {
      for (let plane = 0; plane < bits; plane++) or(words, first + plane, ((code >> plane) & 1) << column);
    };
  }
  if (scheme.name === 'nibbles' && side === 'right') {
    return (words, first, column, code) => or(words, first, code << (8 * (column % 4) + (column < 4 ? 0 : 4)));
  }
  return (words, first, column, code) => or(words, first + Math.floor(column / 4), code << (8 * (column % 4)));
}

function or(words: Uint32Array, at: number, bits: number): void {
  words[at] = (words[at] ?? 0) | bits;
}

function termsOf(matrix: CodeMatrix): Uint8Array {
  const { rows, columns, codes, groupSize, zeroPoints, scales } = matrix;
  const groups = groupsOf(matrix);
  const terms = new DataView(new ArrayBuffer(rows * groups * termBytes));
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const index = row * groups + group;
      const end = Math.min(columns, (group + 1) * groupSize);
      let sum = 0;
      for (let column = group * groupSize; column < end; column++) sum += codes[row * columns + column] ?? 0;
      terms.setUint32(index * termBytes, sum, true);
      terms.setInt32(index * termBytes + 4, zeroPoints[index] ?? 0, true);
      terms.setFloat32(index * termBytes + 8, scales[index] ?? 0, true);
    }
  }
  return new Uint8Array(terms.buffer);
}
