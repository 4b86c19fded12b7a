import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NamedTensors } from '@cutpoint/core';
import { buildModel, node, serialiseModel, tensorValue, weight } from '@cutpoint/graph';
import { type CutModel, concreteInputs, loadStage, openCutModel, openSplit, randomInputs } from '@cutpoint/runtime';

/** Two layers with weights, cuts 0 to 4, and what the whole of it answers to some inputs. */
export interface TinyModel extends AsyncDisposable {
  readonly model: CutModel;
  readonly inputs: NamedTensors;
  readonly expected: NamedTensors;
}

/** Makes the model, with other weights for another seed; the cache folder of the process is beside it until it is disposed. */
export async function makeTinyModel(seed = 2): Promise<TinyModel> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-deploying-'));
  process.env.CUTPOINT_CACHE_DIR = join(folder, 'cache');
  const square = (factor: number) => Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i * factor) / 8);
  const made = buildModel({
    inputs: [tensorValue('x', 'f32', [1, 64])],
    outputs: [tensorValue('y', 'f32', [1, 64])],
    initializers: [weight('v', 'f32', [64, 64], square(1)), weight('w', 'f32', [64, 64], square(seed))],
    nodes: [
      node('MatMul', ['x', 'v'], ['a']),
      node('Relu', ['a'], ['b']),
      node('MatMul', ['b', 'w'], ['c']),
      node('Tanh', ['c'], ['y']),
    ],
  });
  const path = join(folder, 'model.onnx');
  await writeFile(path, serialiseModel(made));
  const whole = await openSplit(path);
  const { inputs } = concreteInputs(whole.inputs, new Map());
  const values = randomInputs(inputs);
  const [plan] = whole.segments;
  if (plan === undefined) throw new Error('A model has a segment.');
  await using stage = await loadStage(plan, { optimisation: 'none' });
  const { answers } = await stage.run(values);
  return {
    model: await openCutModel(path),
    inputs: values,
    expected: answers,
    async [Symbol.asyncDispose]() {
      delete process.env.CUTPOINT_CACHE_DIR;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
