import { expect, it } from 'vitest';
import { openGpu } from '../device/open-gpu.js';
import { describeOnGpu } from '../gpus.testing.js';
import { randomNumbers } from '../matrix/matrices.testing.js';
import type { MatrixBytes, MatrixForm } from './decoder-weights.js';
import { uploadMatrix } from './gpu-matrix.js';
import { type MatmulShape, matmulKernel } from './kernels/matmul.js';

const [outputs, columns, rows] = [37, 150, 5];
const shapes: readonly MatmulShape[] = [
  { threads: 32, lanes: 1, eachRow: 1 },
  { threads: 32, lanes: 1, eachRow: 8 },
  { threads: 128, lanes: 16, eachRow: 1 },
  { threads: 64, lanes: 64, eachRow: 4 },
];
const blocks = ([2, 4, 8] as const).flatMap((bits) =>
  [true, false].map(
    (zeroPoints): MatrixForm => ({ kind: 'blocks', bits, block: 32, rows: outputs, columns, zeroPoints }),
  ),
);
const forms: readonly MatrixForm[] = [
  { kind: 'float', dtype: 'f32', rows: outputs, columns },
  { kind: 'float', dtype: 'f16', rows: outputs, columns },
  ...blocks,
];

interface Sample {
  readonly matrix: MatrixBytes;
  /** The same numbers, [outputs, columns]. */
  readonly numbers: Float64Array;
}

const random = randomNumbers(5);
const none = new Uint8Array(0);

function sampleOf(form: MatrixForm): Sample {
  return form.kind === 'float' ? floatSample(form) : blockSample(form);
}

function floatSample(form: MatrixForm & { kind: 'float' }): Sample {
  // Eighths are exact in both widths.
  const numbers = Float64Array.from({ length: outputs * columns }, () => Math.floor(random() * 64 - 32) / 8);
  const values = form.dtype === 'f32' ? new Uint8Array(Float32Array.from(numbers).buffer) : halves(numbers);
  return { matrix: { form, values, scales: none, zeroPoints: none }, numbers };
}

/** Binary16 of small multiples of an eighth. */
function halves(numbers: Float64Array): Uint8Array {
  const half = (value: number) => {
    if (value === 0) return 0;
    const exponent = Math.floor(Math.log2(Math.abs(value)));
    const fraction = (Math.abs(value) / 2 ** exponent - 1) * 1024;
    return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
  };
  return new Uint8Array(Uint16Array.from(numbers, half).buffer);
}

function blockSample(form: MatrixForm & { kind: 'blocks' }): Sample {
  const { bits, block, zeroPoints } = form;
  const perRow = Math.ceil(columns / block);
  const code = () => Math.floor(random() * 2 ** bits);
  const codes = Array.from({ length: outputs * perRow * block }, code);
  const zeros = Array.from({ length: outputs * perRow }, () => (zeroPoints ? code() : 2 ** (bits - 1)));
  const scales = Float32Array.from({ length: outputs * perRow }, () => 0.1 + random());
  const numbers = Float64Array.from({ length: outputs * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const own = row * perRow + Math.floor(column / block);
    return (scales[own] ?? 0) * ((codes[row * perRow * block + column] ?? 0) - (zeros[own] ?? 0));
  });
  const matrix = {
    form,
    values: packed(codes, bits, perRow * block),
    scales: new Uint8Array(scales.buffer),
    zeroPoints: zeroPoints ? packed(zeros, bits, perRow) : none,
  };
  return { matrix, numbers };
}

/** Codes of a row side by side, the lower bits first; rows begin at bytes. */
function packed(codes: readonly number[], bits: number, perRow: number): Uint8Array {
  const rowBytes = Math.ceil((perRow * bits) / 8);
  const bytes = new Uint8Array((codes.length / perRow) * rowBytes);
  for (const [i, code] of codes.entries()) {
    const bit = (i % perRow) * bits;
    const at = Math.floor(i / perRow) * rowBytes + (bit >> 3);
    bytes[at] = (bytes[at] ?? 0) | (code << (bit % 8));
  }
  return bytes;
}

await describeOnGpu('a product of rows with weights as they lie in a package', openGpu, (gpu) => {
  it.each(forms)('is the product of their numbers: %j', async (form) => {
    const { matrix, numbers } = sampleOf(form);
    const { buffers } = await uploadMatrix(gpu, 'weights', matrix);
    const input = Float32Array.from({ length: rows * columns }, () => random() - 0.5);
    const [inputBuffer, step] = [
      await gpu.buffer('input', input),
      await gpu.buffer('step', Uint32Array.of(rows, 0, 0, 0)),
    ];
    for (const shape of shapes) {
      const result = await gpu.buffer('result', { bytes: 4 * rows * outputs });
      const bound = gpu.bind(await gpu.kernel(matmulKernel(form, shape)), [step, inputBuffer, result, ...buffers]);
      const across = Math.ceil((outputs * shape.lanes) / shape.threads);
      await gpu.run([{ bound, groups: [across, Math.ceil(rows / shape.eachRow), 1] }]);
      const found = new Float32Array(await gpu.read(result));
      for (let row = 0; row < rows; row++) {
        for (let n = 0; n < outputs; n++) {
          let [due, size] = [0, 0];
          for (let k = 0; k < columns; k++) {
            const term = (input[row * columns + k] ?? 0) * (numbers[n * columns + k] ?? 0);
            due += term;
            size += Math.abs(term);
          }
          expect(Math.abs((found[row * outputs + n] ?? Number.NaN) - due)).toBeLessThan(1e-6 * size);
        }
      }
    }
  });
});
