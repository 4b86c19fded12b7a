import type { BitWidth } from './code-matrix.js';

/**
 * How codes lie in 32-bit words, and how the words of a step of columns are multiplied and summed: all in which kernels
 * over integers differ. Both operands have the same steps, so that any number of columns is padded with zero codes.
 */
export interface ProductScheme {
  readonly name: 'planes' | 'bytes' | 'nibbles';
  readonly columnsPerStep: number;
  /** Words of a step of the left operand (activations), and of the right one (weights). */
  readonly leftWords: number;
  readonly rightWords: number;
  /** In WGSL: the raw sum of a step, of the arrays `a` and `w`. */
  readonly stepSum: string;
  /** In WGSL: the sum of products of codes, of the raw sum `raw` and both sums of codes, `left` and `right`. */
  readonly codeSum: string;
  /** Instructions of `stepSum`, and of `codeSum`. */
  readonly stepInstructions: number;
  readonly codeSumInstructions: number;
}

/**
 * A plane holds one bit of 32 codes. With b = 2c - (2^n - 1), every bit of a code c counts as -1 or 1, and
 *   sum b b' = K P Q - 2 sum over i, j of 2^(i+j) popcount(a_i xor w_j),  P = 2^p - 1, Q = 2^q - 1
 * (bipolar integers, arXiv 2409.17870, section 3); put into codes again, everything but the sums of the codes drops out:
 *   sum c c' = (Q sum c + P sum c' - raw) / 2.
 * Padding with zero codes changes neither raw nor the sums.
 */
export function planes(left: BitWidth, right: BitWidth): ProductScheme {
  const terms: string[] = [];
  for (let i = 0; i < left; i++) {
    for (let j = 0; j < right; j++) {
      const count = `countOneBits(a[${i}] ^ w[${j}])`;
      terms.push(i + j === 0 ? count : `(${count} << ${i + j}u)`);
    }
  }
  return {
    name: 'planes',
    columnsPerStep: 32,
    leftWords: left,
    rightWords: right,
    stepSum: terms.join(' + '),
    codeSum: `(${2 ** right - 1}u * left + ${2 ** left - 1}u * right - raw) / 2u`,
    // A pair of planes: exclusive or, count, shift (but for the first pair) and addition (one fewer than pairs).
    stepInstructions: 4 * left * right - 2,
    codeSumInstructions: 5,
  };
}

/** A word holds four codes, and one instruction sums four products. */
export const bytes: ProductScheme = {
  name: 'bytes',
  columnsPerStep: 8,
  leftWords: 2,
  rightWords: 2,
  stepSum: 'dot4U8Packed(a[0], w[0]) + dot4U8Packed(a[1], w[1])',
  codeSum: 'raw',
  stepInstructions: 3,
  codeSumInstructions: 0,
};

/** Weights of up to four bits: a word holds codes 0 to 3 of a step in the low halves of its bytes, 4 to 7 in the high ones. */
export const nibbles: ProductScheme = {
  name: 'nibbles',
  columnsPerStep: 8,
  leftWords: 2,
  rightWords: 1,
  stepSum: 'dot4U8Packed(a[0], w[0] & 0x0f0f0f0fu) + dot4U8Packed(a[1], (w[0] >> 4u) & 0x0f0f0f0fu)',
  codeSum: 'raw',
  stepInstructions: 6,
  codeSumInstructions: 0,
};

/** The schemes that can multiply codes of these widths; `packedDot`: whether the GPU multiplies bytes. */
export function schemesFor(left: BitWidth, right: BitWidth, packedDot: boolean): readonly ProductScheme[] {
  const ofBytes = packedDot ? (right <= 4 ? [nibbles, bytes] : [bytes]) : [];
  return [planes(left, right), ...ofBytes];
}
