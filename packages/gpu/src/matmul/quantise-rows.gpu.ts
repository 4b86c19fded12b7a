import { expect, it } from 'vitest';
import { openGpu } from '../device/open-gpu.js';
import { describeOnGpu } from '../gpus.testing.js';
import { bitWidths, type CodeMatrix } from '../matrix/code-matrix.js';
import { productByDefinition, randomMatrix, randomNumbers } from '../matrix/matrices.testing.js';
import { packOperand, termBytes } from '../matrix/pack-operand.js';
import { schemesFor } from '../matrix/product-scheme.js';
import { integerProduct, uploadOperand } from './integer-product.js';
import { quantiseRows } from './quantise-rows.js';

const [rows, columns, groupSize] = [3, 250, 96];
const groups = Math.ceil(columns / groupSize);
const random = randomNumbers(7);
/** Ranges on both sides of zero, on one only, and nothing but zeros. */
const values = Float32Array.from({ length: rows * columns }, (_, i) => {
  const row = Math.floor(i / columns);
  return row === 2 ? 0 : (random() - (row === 0 ? 0.5 : 0.1)) * 10;
});

await describeOnGpu('activations that become codes on the GPU', openGpu, (gpu) => {
  it.each(bitWidths)(
    'keep half a scale of their value at %i bits, and are packed as the CPU packs them',
    async (bits) => {
      for (const scheme of schemesFor(bits, 4, gpu.info.packedDot)) {
        const buffer = await gpu.buffer('activations', values);
        using made = await quantiseRows(gpu, { values: buffer, rows, columns }, { scheme, bits, groupSize });
        await gpu.run([made.dispatch(rows)]);
        const terms = new DataView(await gpu.read(made.operand.terms));
        const scales = Float32Array.from({ length: rows * groups }, (_, i) =>
          terms.getFloat32(i * termBytes + 8, true),
        );
        const zeroPoints = Int32Array.from({ length: rows * groups }, (_, i) =>
          terms.getInt32(i * termBytes + 4, true),
        );
        const words = new Uint32Array(await gpu.read(made.operand.words));
        const codes = codesIn(words, scheme.name === 'planes' ? bits : undefined);
        const group = (i: number) => Math.floor(i / columns) * groups + Math.floor((i % columns) / groupSize);
        codes.forEach((code, i) => {
          const scale = scales[group(i)] ?? 0;
          const value = scale * (code - (zeroPoints[group(i)] ?? 0));
          expect(Math.abs(value - (values[i] ?? 0))).toBeLessThanOrEqual(scale * 0.5001);
        });
        const matrix: CodeMatrix = { rows, columns, bits, codes, groupSize, zeroPoints, scales };
        const packed = packOperand(matrix, scheme, 'left');
        expect(words).toEqual(packed.words);
        expect(new Uint8Array(terms.buffer)).toEqual(packed.terms);
        buffer.destroy();
      }
    },
  );

  it('are multiplied where they are: no value comes back but the product', async () => {
    const right = randomMatrix({ rows: 19, columns, bits: 3, groupSize }, 9);
    for (const scheme of schemesFor(8, 3, gpu.info.packedDot)) {
      const buffer = await gpu.buffer('activations', values);
      using left = await quantiseRows(gpu, { values: buffer, rows, columns }, { scheme, bits: 8, groupSize });
      using weights = await uploadOperand(gpu, right, scheme, 'right');
      const shape = { kind: 'rows', threads: 64, lanes: 2, eachM: 4 } as const;
      using product = await integerProduct(gpu, { left: left.operand, right: weights }, { scheme, shape }, 'floats');
      await gpu.run([left.dispatch(rows), product.dispatch]);
      const result = new Float32Array(await gpu.read(product.product));
      const exact = productByDefinition(asCodes(values), right, true);
      const largest = Math.max(...exact.map(Math.abs));
      result.forEach((value, i) => {
        expect(Math.abs(value - (exact[i] ?? 0))).toBeLessThan(0.01 * largest);
      });
      buffer.destroy();
    }
  });
});

/** The same values as codes of their own scale, for the product by definition: any number is a code there. */
function asCodes(floats: Float32Array): CodeMatrix {
  const codes = floats as unknown as Uint8Array;
  const zeroPoints = new Int32Array(rows * groups);
  const scales = new Float32Array(rows * groups).fill(1);
  return { rows, columns, bits: 8, codes, groupSize, zeroPoints, scales };
}

/** Codes as they lie in the words of the left operand: in planes of so many bits, or in bytes. */
function codesIn(words: Uint32Array, planes: number | undefined): Uint8Array {
  const wordsOfRow = words.length / rows;
  return Uint8Array.from({ length: rows * columns }, (_, i) => {
    const first = Math.floor(i / columns) * wordsOfRow;
    const column = i % columns;
    if (planes === undefined) return ((words[first + (column >> 2)] ?? 0) >>> (8 * (column % 4))) & 255;
    let code = 0;
    for (let bit = 0; bit < planes; bit++) {
      const word = words[first + (column >> 5) * planes + bit] ?? 0;
      code |= ((word >>> (column % 32)) & 1) << bit;
    }
    return code;
  });
}
