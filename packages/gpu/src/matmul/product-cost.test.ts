import { describe, expect, it } from 'vitest';
import { matmulCost } from '../decoder/kernels/matmul.js';
import { bitWidths } from '../matrix/code-matrix.js';
import { bytes, nibbles, planes } from '../matrix/product-scheme.js';
import { costOf } from './integer-product.js';

const rows = { kind: 'rows', threads: 64, lanes: 4, eachM: 4 } as const;
const tile = { kind: 'tile', threadsM: 4, threadsN: 16, eachM: 2, eachN: 2, steps: 2 } as const;

describe('what a product costs', () => {
  it('is counted in the instructions that the text of a step has', () => {
    const pairs = bitWidths.flatMap((left) => bitWidths.map((right) => planes(left, right)));
    for (const { stepSum, codeSum, stepInstructions, codeSumInstructions } of [...pairs, bytes, nibbles]) {
      expect(instructionsIn(stepSum)).toBe(stepInstructions);
      expect(instructionsIn(codeSum)).toBe(codeSumInstructions);
    }
  });

  it('is that of a count by hand: one row by planes, five rows of which three more are computed', () => {
    const size = { rows: 5, outputs: 3, columns: 64, groupSize: 32 };
    // Two bits times one: two pairs of planes are 2 xor, 2 counts, 1 shift, 1 sum; and one sum into the total: 7.
    // Two blocks of four rows, three outputs, two steps: 12 reads of weights, 48 steps. Joins: 8 rows x 3 x 3 lanes.
    // Recovery of 15 results x 2 groups: 5 + 7 + 3, and a sum.
    const instructions = 48 * 7 + 72 + 30 * 15 + 30;
    // Words: 12 of weights, 48 x 2 of activations; terms: 30 x 24 bytes; results: 15 x 4 bytes.
    expect(costOf({ scheme: planes(2, 1), shape: rows }, size)).toEqual({
      instructions,
      bytes: 4 * (12 + 96) + 720 + 60,
    });
    // One group needs no sums over groups.
    const whole = costOf({ scheme: planes(2, 1), shape: rows }, { ...size, groupSize: 64 });
    expect(whole.instructions).toBe(48 * 7 + 72 + 15 * 15);
  });

  it('is that of a count by hand: a tile of 8 x 32 by nibbles', () => {
    // 9 x 33 results need four tiles; 20 columns are three steps of eight, and a tile takes two at once: four.
    const size = { rows: 9, outputs: 33, columns: 20, groupSize: 32 };
    const steps = 4 * 4;
    expect(costOf({ scheme: nibbles, shape: tile }, size)).toEqual({
      instructions: steps * 8 * 32 * 7 + 297 + 297 * 10,
      bytes: 4 * steps * (8 * 2 + 32) + 297 * 24 + 297 * 4,
    });
  });

  it('is that of a count by hand: floats and blocks', () => {
    const division = { threads: 32, lanes: 2, eachRow: 8 };
    // Nine rows are two blocks of eight; six columns two chunks of four; three outputs: 12 chunks.
    const floats = { kind: 'float', dtype: 'f32', rows: 3, columns: 6 } as const;
    expect(matmulCost(floats, division, 9)).toEqual({
      instructions: 12 * 8 * 5 + 16 * 3,
      bytes: 12 * (16 + 8 * 16) + 4 * 27,
    });
    // One word of eight codes a chunk: 8 masks, conversions, differences, products, 7 shifts, and 4 for the zero point.
    const blocks = { kind: 'blocks', bits: 4, block: 32, rows: 3, columns: 32, zeroPoints: true } as const;
    expect(matmulCost(blocks, { ...division, eachRow: 1 }, 1)).toEqual({
      instructions: 12 * (39 + 4 + 9) + 3,
      bytes: 12 * (12 + 32) + 12,
    });
  });
});

function instructionsIn(wgsl: string): number {
  return wgsl.match(/countOneBits|dot4U8Packed|<<|>>|[\^&+*/-]/g)?.length ?? 0;
}
