import { CutpointError } from '@cutpoint/core';

export const bitWidths = [1, 2, 3, 4, 5, 6, 7, 8] as const;

/** How many bits a code has. */
export type BitWidth = (typeof bitWidths)[number];

/**
 * A matrix of codes, row by row. The columns are what is summed over in a product: activations are [tokens, columns],
 * weights [outputs, columns]. In each row the columns are divided into groups with a zero point and a scale each:
 * value = scale * (code - zero point).
 */
export interface CodeMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly bits: BitWidth;
  /** rows x columns, each below 2^bits. */
  readonly codes: Uint8Array;
  /** A multiple of 32, or at least `columns`: one group a row. */
  readonly groupSize: number;
  /** rows x groups. */
  readonly zeroPoints: Int32Array;
  /** rows x groups. */
  readonly scales: Float32Array;
}

/** Groups of a row. */
export function groupsOf({ columns, groupSize }: Pick<CodeMatrix, 'columns' | 'groupSize'>): number {
  return Math.ceil(columns / groupSize);
}

/** Sums of products of two 8-bit codes stay below 2^31 up to twice as many. */
const mostColumnsOfGroup = 16_384;

/** @throws CutpointError CUT_INPUT if the parts do not fit each other, or sums could overflow. */
export function checkMatrix({ rows, columns, bits, codes, groupSize, zeroPoints, scales }: CodeMatrix): void {
  const groups = groupsOf({ columns, groupSize });
  require(bitWidths.includes(bits), `Codes have 1 to 8 bits, not ${bits}`);
  require(isCount(rows) && isCount(columns), `A matrix of ${rows} x ${columns} codes has no product`);
  require(Math.min(columns, groupSize) <=
    mostColumnsOfGroup, `A group has at most ${mostColumnsOfGroup} codes, so that sums fit 32 bits, not ${Math.min(columns, groupSize)}`);
  require(groupSize >= columns ||
    (isCount(groupSize) && groupSize % 32 === 0), `A group has a multiple of 32 columns, not ${groupSize}`);
  require(codes.length === rows * columns, `${rows} x ${columns} codes were due, not ${codes.length}`);
  const terms = `${rows} x ${groups} zero points and scales were due`;
  require(zeroPoints.length === rows * groups && scales.length === rows * groups, terms);
  require(codes.every((code) => code < 2 ** bits), `A code does not fit ${bits} bits`);
  require(zeroPoints.every((zero) => zero >= 0 && zero < 2 ** bits), `A zero point does not fit ${bits} bits`);
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}

function require(holds: boolean, message: string): void {
  if (!holds) throw new CutpointError('CUT_INPUT', `${message}.`);
}
