import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlockForm } from './block-form.js';
import { blockBits, blockSizes, dequantiseRows, quantiseRows } from './quantise-rows.js';

const forms: fc.Arbitrary<BlockForm> = fc.record({
  bits: fc.constantFrom(...blockBits),
  block: fc.constantFrom(...blockSizes),
  zeroPoints: fc.boolean(),
});

const matrices = fc
  .record({ rows: fc.integer({ min: 1, max: 4 }), columns: fc.integer({ min: 1, max: 300 }) })
  .chain(({ rows, columns }) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      values: fc.float32Array({
        minLength: rows * columns,
        maxLength: rows * columns,
        noNaN: true,
        min: -(2 ** 100),
        max: 2 ** 100,
      }),
    }),
  );

function scalesOf(piece: { scales: Uint8Array }): Float32Array {
  return new Float32Array(piece.scales.slice().buffer);
}

describe('rounding rows to blocks', () => {
  it('is off by a scale at most, and keeps zeros', () => {
    fc.assert(
      fc.property(matrices, forms, ({ rows, columns, values }, form) => {
        const piece = quantiseRows(values, columns, form);
        const back = dequantiseRows(piece, rows, columns, form);
        const scales = scalesOf(piece);
        const blocks = Math.ceil(columns / form.block);
        for (let i = 0; i < values.length; i++) {
          const [row, column] = [Math.floor(i / columns), i % columns];
          const scale = Math.abs(scales[row * blocks + Math.floor(column / form.block)] ?? 0);
          const error = Math.abs((values[i] ?? 0) - (back[i] ?? 0));
          // Scales below the smallest normal f32 are coarse themselves.
          expect(error).toBeLessThanOrEqual(scale * 1.0001 + 2 ** form.bits * 2 ** -149);
          if (values[i] === 0) expect(Math.abs(back[i] ?? 1)).toBe(0);
        }
      }),
    );
  });

  it('is off by half a scale inside a range that has zero points', () => {
    const form = { bits: 4, block: 32, zeroPoints: true } as const;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -700, max: 800 }), { minLength: 30, maxLength: 30 }), (inner) => {
        // From -700 to 800: fifteen steps of 100, with the zero point at 7.
        const values = Float32Array.from([-700, 800, ...inner]);
        const back = dequantiseRows(quantiseRows(values, 32, form), 1, 32, form);
        for (let i = 0; i < 32; i++) expect(Math.abs((values[i] ?? 0) - (back[i] ?? 0))).toBeLessThanOrEqual(50);
      }),
    );
  });

  it('gives back what already is multiples of a scale', () => {
    fc.assert(
      fc.property(forms, fc.integer({ min: 1, max: 200 }), fc.nat(), (form, columns, seed) => {
        const zero = 1 << (form.bits - 1);
        const codes = Array.from({ length: columns }, (_, i) => ((i * 7919 + seed) % (2 * zero)) - zero);
        // Each block holds both ends of the range, so that its scale is found again.
        for (let b = 0; b < columns; b += form.block) {
          codes[b] = -zero;
          if (b + 1 < columns) codes[b + 1] = zero - 1;
          else if (form.zeroPoints) return;
        }
        const values = Float32Array.from(codes, (code) => code * 0.125);
        const back = dequantiseRows(quantiseRows(values, columns, form), 1, columns, form);
        expect([...back]).toEqual([...values]);
      }),
    );
  });

  it('packs the first code lowest and fills the last block with zeros', () => {
    const values = Float32Array.of(-8, 7, 1, 0, -2);
    const { values: codes } = quantiseRows(values, 5, { bits: 4, block: 32, zeroPoints: false });
    expect([...codes]).toEqual([0xf0, 0x89, 0x86, ...Array(13).fill(0x88)]);
    const two = quantiseRows(Float32Array.of(-2, 1, 0, -1), 4, { bits: 2, block: 32, zeroPoints: false });
    expect([...two.values]).toEqual([0b01101100, 0b10101010, ...Array(6).fill(0b10101010)]);
  });

  it('packs zero points by row', () => {
    const columns = 96;
    const values = new Float32Array(2 * columns);
    for (let i = 0; i < values.length; i++)
      values[i] = i % 32 === 0 ? -(i / 32) - 1 : i % 32 === 1 ? 15 - (i - 1) / 32 - 1 : 0;
    const { zeroPoints } = quantiseRows(values, columns, { bits: 4, block: 32, zeroPoints: true });
    expect([...zeroPoints]).toEqual([0x21, 0x03, 0x54, 0x06]);
  });
});
