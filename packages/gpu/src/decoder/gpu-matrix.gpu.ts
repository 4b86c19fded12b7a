import { expect, it } from 'vitest';
import { openGpu } from '../device/open-gpu.js';
import { describeOnGpu } from '../gpus.testing.js';
import { randomNumbers } from '../matrix/matrices.testing.js';
import type { MatrixForm } from './decoder-weights.js';
import { uploadMatrix } from './gpu-matrix.js';
import { type MatmulShape, matmulKernel } from './kernels/matmul.js';
import { sampleOf } from './matrix-samples.testing.js';

const [outputs, columns, rows] = [37, 150, 5];
const random = randomNumbers(5);
const shapes: readonly MatmulShape[] = [
  { threads: 32, lanes: 1, eachRow: 1 },
  { threads: 32, lanes: 1, eachRow: 8 },
  { threads: 128, lanes: 16, eachRow: 1 },
  { threads: 64, lanes: 64, eachRow: 4 },
];
const blocks = ([2, 4, 8] as const).flatMap((bits) =>
  [true, false].map(
    (zeroPoints): MatrixForm => ({ kind: 'blocks', bits, block: bits * 16, rows: outputs, columns, zeroPoints }),
  ),
);
const forms: readonly MatrixForm[] = [
  { kind: 'float', dtype: 'f32', rows: outputs, columns },
  { kind: 'float', dtype: 'f16', rows: outputs, columns },
  ...blocks,
];

await describeOnGpu('a product of rows with weights as they lie in a package', openGpu, (gpu) => {
  it.each(forms)('is the product of their numbers: %j', async (form) => {
    const { matrix, numbers } = sampleOf(form, random);
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
