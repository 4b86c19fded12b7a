import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attribute, buildModel, type Model, node, serialiseModel, tensorValue, weight } from '@cutpoint/graph';

/** A convolutional network: 3x3, then a depthwise and a pointwise layer, `blocks` times, each with a Relu; then a product. */
export function smallModel(blocks: number, size = 32): Model {
  const channels = 16;
  const values = (...shape: number[]) => new Float32Array(shape.reduce((product, dim) => product * dim, 1)).fill(0.01);
  const f32 = (name: string, ...shape: number[]) => weight(name, 'f32', shape, values(...shape));
  const same = { kernel_shape: attribute.ints([3, 3]), pads: attribute.ints([1, 1, 1, 1]) };
  const layers = Array.from({ length: blocks }, (_, i) => [
    node('Conv', [`r${i}`, `d${i}`], [`e${i}`], { ...same, group: attribute.int(channels) }, { name: `depthwise${i}` }),
    node('Relu', [`e${i}`], [`f${i}`], {}, { name: `relu${i}` }),
    node(
      'Conv',
      [`f${i}`, `p${i}`],
      [`r${i + 1}`],
      { kernel_shape: attribute.ints([1, 1]) },
      { name: `pointwise${i}` },
    ),
  ]).flat();
  const weights = Array.from({ length: blocks }, (_, i) => [
    f32(`d${i}`, channels, 1, 3, 3),
    f32(`p${i}`, channels, channels, 1, 1),
  ]).flat();
  return buildModel({
    inputs: [tensorValue('x', 'f32', ['N', 3, size, size])],
    outputs: [tensorValue('y', 'f32', ['N', 10])],
    initializers: [f32('w', channels, 3, 3, 3), ...weights, f32('m', channels, 10)],
    nodes: [
      node('Conv', ['x', 'w'], ['c'], same, { name: 'stem' }),
      node('Relu', ['c'], ['r0'], {}, { name: 'stemRelu' }),
      ...layers,
      node('GlobalAveragePool', [`r${blocks}`], ['g'], {}, { name: 'pool' }),
      node('Flatten', ['g'], ['h'], {}, { name: 'flatten' }),
      node('MatMul', ['h', 'm'], ['y'], {}, { name: 'product' }),
    ],
  });
}

export interface SavedModel extends AsyncDisposable {
  readonly folder: string;
  readonly path: string;
}

/** A model in a folder of its own, which also is the cache's until it is disposed. */
export async function saveModel(model: Model): Promise<SavedModel> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-profile-'));
  const path = join(folder, 'model.onnx');
  await writeFile(path, serialiseModel(model));
  const before = process.env.CUTPOINT_CACHE_DIR;
  process.env.CUTPOINT_CACHE_DIR = join(folder, 'cache');
  return {
    folder,
    path,
    async [Symbol.asyncDispose]() {
      if (before === undefined) delete process.env.CUTPOINT_CACHE_DIR;
      else process.env.CUTPOINT_CACHE_DIR = before;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
