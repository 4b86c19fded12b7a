import { CutpointError, halfToNumber } from '@cutpoint/core';
import type { MatrixBytes, MatrixForm } from '../decoder/decoder-weights.js';
import { type BitWidth, type CodeMatrix, groupsOf } from './code-matrix.js';

/** Columns of a group of floats that become codes. */
export const floatGroupColumns = 32;

/**
 * A matrix of a package as codes: blocks keep theirs, floats are rounded to the nearest of evenly spaced values over the range
 * of their group, zero among them. With one bit that leaves zero and one end of the range, so that what lies on the other side of
 * zero is lost.
 * @throws CutpointError CUT_USAGE for blocks of another width: they would be rounded twice; CUT_PACKAGE for what is no number.
 */
export function codesOf(matrix: MatrixBytes, bits: BitWidth): CodeMatrix {
  const { form } = matrix;
  if (form.kind === 'float') return roundedCodes(floatsOf(matrix, form), form, bits);
  if (form.bits === bits) return blockCodes(matrix, form);
  const message = `The package holds weights of ${form.bits} bits: import it with --bits 32 to run it in ${bits}.`;
  throw new CutpointError('CUT_USAGE', message);
}

function floatsOf({ values }: MatrixBytes, { dtype }: MatrixForm & { kind: 'float' }): Float32Array {
  const { buffer, byteOffset, byteLength } = values;
  if (dtype === 'f32') return new Float32Array(buffer, byteOffset, byteLength / 4);
  return Float32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), halfToNumber);
}

function roundedCodes(floats: Float32Array, { rows, columns }: MatrixForm, bits: BitWidth): CodeMatrix {
  const groupSize = floatGroupColumns;
  const groups = groupsOf({ columns, groupSize });
  const largest = 2 ** bits - 1;
  const codes = new Uint8Array(rows * columns);
  const zeroPoints = new Int32Array(rows * groups);
  const scales = new Float32Array(rows * groups);
  for (let index = 0; index < rows * groups; index++) {
    const first = Math.floor(index / groups) * columns + (index % groups) * groupSize;
    const own = floats.subarray(first, first + Math.min(groupSize, columns - (index % groups) * groupSize));
    const lowest = Math.min(0, ...own);
    const range = Math.max(0, ...own) - lowest;
    if (!Number.isFinite(range))
      throw new CutpointError('CUT_PACKAGE', 'A matrix of the package holds what is no number.');
    const scale = range > 0 ? range / largest : 1;
    const zero = Math.min(largest, Math.round(-lowest / scale));
    zeroPoints[index] = zero;
    scales[index] = scale;
    for (const [i, value] of own.entries()) {
      codes[first + i] = Math.max(0, Math.min(largest, Math.round(value / scale) + zero));
    }
  }
  return { rows, columns, bits, codes, groupSize, zeroPoints, scales };
}

function blockCodes(matrix: MatrixBytes, form: MatrixForm & { kind: 'blocks' }): CodeMatrix {
  const { bits, block, rows, columns } = form;
  const groups = Math.ceil(columns / block);
  const { buffer, byteOffset } = matrix.scales;
  const codes = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const first = (row * groups * block * bits) / 8;
    for (let column = 0; column < columns; column++) {
      codes[row * columns + column] = codeAt(matrix.values, bits, first, column);
    }
  }
  const zeroBytes = Math.ceil((groups * bits) / 8);
  const zeroPoints = Int32Array.from({ length: rows * groups }, (_, i) =>
    form.zeroPoints ? codeAt(matrix.zeroPoints, bits, Math.floor(i / groups) * zeroBytes, i % groups) : 2 ** (bits - 1),
  );
  const scales = new Float32Array(buffer, byteOffset, rows * groups);
  return { rows, columns, bits, codes, groupSize: block, zeroPoints, scales };
}

/** A code of a row that begins at a byte, the lower bits first. */
function codeAt(bytes: Uint8Array, bits: number, first: number, index: number): number {
  const bit = index * bits;
  return ((bytes[first + (bit >> 3)] ?? 0) >> (bit % 8)) & (2 ** bits - 1);
}
