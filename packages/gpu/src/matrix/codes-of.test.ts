import { describe, expect, it } from 'vitest';
import { sampleOf } from '../decoder/matrix-samples.testing.js';
import { bitWidths, type CodeMatrix, groupsOf } from './code-matrix.js';
import { codesOf } from './codes-of.js';
import { randomNumbers } from './matrices.testing.js';

const [rows, columns] = [5, 150];

function numbersOf(matrix: CodeMatrix): { readonly values: number[]; readonly scales: number[] } {
  const groups = groupsOf(matrix);
  const group = (i: number) => Math.floor(i / columns) * groups + Math.floor((i % columns) / matrix.groupSize);
  const scales = Array.from(matrix.codes, (_, i) => matrix.scales[group(i)] ?? Number.NaN);
  const values = Array.from(matrix.codes, (code, i) => (scales[i] ?? 0) * (code - (matrix.zeroPoints[group(i)] ?? 0)));
  return { values, scales };
}

describe('a matrix of a package as codes', () => {
  it.each(
    ([2, 4, 8] as const).flatMap((bits) =>
      ([32, 64, 128] as const).flatMap((block) => [true, false].map((zeroPoints) => ({ bits, block, zeroPoints }))),
    ),
  )('holds the numbers of its blocks: %j', (given) => {
    const { matrix, numbers } = sampleOf({ kind: 'blocks', rows, columns, ...given }, randomNumbers(3));
    expect(numbersOf(codesOf(matrix, given.bits)).values).toEqual([...numbers]);
    const other = given.bits === 4 ? 3 : 4;
    expect(() => codesOf(matrix, other)).toThrow('import it with --bits 32');
  });

  it.each(bitWidths.filter((bits) => bits > 1))(
    'holds floats within half a scale at %i bits, and zero exactly',
    (bits) => {
      const { matrix, numbers } = sampleOf({ kind: 'float', dtype: 'f32', rows, columns }, randomNumbers(4));
      const { values, scales } = numbersOf(codesOf(matrix, bits));
      for (const [i, value] of values.entries()) {
        expect(Math.abs(value - (numbers[i] ?? 0))).toBeLessThanOrEqual((scales[i] ?? 0) * 0.5001);
        if (numbers[i] === 0) expect(Math.abs(value)).toBe(0);
      }
    },
  );

  it('is refused where it holds what is no number', () => {
    const { matrix } = sampleOf({ kind: 'float', dtype: 'f32', rows, columns }, randomNumbers(4));
    new DataView(matrix.values.buffer).setFloat32(40, Number.NaN, true);
    expect(() => codesOf(matrix, 4)).toThrow('no number');
  });
});
