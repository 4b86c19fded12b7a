import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attribute, buildModel, node, tensorValue, weight } from '@cutpoint/graph';
import { describe, expect, it } from 'vitest';
import { readModelFile } from './model-file.js';
import { measureShapes } from './shape-oracle.js';
import { saveModel } from './temporary-model.testing.js';

/** Data-dependent shapes (NonZero), a sequence, integers, a free dimension, a weight as a node. */
const model = () =>
  buildModel({
    opset: 17,
    inputs: [tensorValue('x', 'f32', ['N', 4])],
    outputs: [tensorValue('y', 'f32', [null, null])],
    nodes: [
      node('Constant', [], ['zero'], { value: attribute.tensor(weight('', 'f32', [], new Float32Array([2]))) }),
      node('Greater', ['x', 'zero'], ['mask']),
      node('NonZero', ['mask'], ['where']),
      node('SplitToSequence', ['x'], ['pieces'], { axis: attribute.int(1), keepdims: attribute.int(1) }),
      node('ConcatFromSequence', ['pieces'], ['joined'], { axis: attribute.int(1) }),
      node('Cast', ['where'], ['places'], { to: attribute.int(1) }),
      node('ReduceSum', ['places'], ['sum'], { keepdims: attribute.int(1) }),
      node('Add', ['joined', 'sum'], ['y']),
    ],
  });

describe('measureShapes', () => {
  it('measures types and shapes of every value, and tells which cannot cross', async () => {
    await using saved = await saveModel(model());
    const { shapes, assumed } = await measureShapes(await readModelFile(saved.path), { dims: new Map([['N', 3]]) });
    expect(assumed).toEqual([]);
    expect(shapes.get('x')).toEqual({ kind: 'tensor', dtype: 'f32', shape: [3, 4], declared: ['N', 4] });
    expect(shapes.get('mask')).toEqual({ kind: 'tensor', dtype: 'bool', shape: [3, 4], declared: ['N', 4] });
    // No random input is above 2: the runtime found out by running, no rule of ours could.
    expect(shapes.get('where')).toMatchObject({ dtype: 'i64', shape: [2, 0], declared: [2, null] });
    expect(shapes.get('pieces')).toEqual({ kind: 'other', what: 'a non-tensor' });
    expect(shapes.has('zero')).toBe(false);
  });

  it('is cached by model and sizes, and measures again what cannot be read', async () => {
    await using saved = await saveModel(model());
    const file = await readModelFile(saved.path);
    const cache = join(saved.folder, 'cache', 'shapes');
    const first = await measureShapes(file);
    const [entry] = await readdir(cache);
    expect((await measureShapes(file)).shapes).toEqual(first.shapes);
    await measureShapes(file, { dims: new Map([['N', 2]]) });
    expect(await readdir(cache)).toHaveLength(2);
    await writeFile(join(cache, entry ?? ''), '{"version":1,"values":[["x",{"kind":"tensor"}]]}');
    expect((await measureShapes(file)).shapes).toEqual(first.shapes);
  });

  it('names the assumed sizes when the model does not run with them', async () => {
    const tooNarrow = buildModel({
      inputs: [tensorValue('x', 'f32', [1, 1, 'H', 8])],
      outputs: [tensorValue('y', 'f32', null_(4))],
      nodes: [node('Reshape', ['x', 'shape'], ['y'])],
      initializers: [weight('shape', 'i64', [4], new BigInt64Array([1n, 1n, 4n, 4n]))],
    });
    await using saved = await saveModel(tooNarrow);
    const file = await readModelFile(saved.path);
    await expect(measureShapes(file)).rejects.toMatchObject({
      code: 'CUT_SHAPES',
      message: expect.stringContaining('assumed sizes H=224 (set others with --dim name=value)'),
    });
    expect((await measureShapes(file, { dims: new Map([['H', 2]]) })).shapes.get('y')).toMatchObject({
      shape: [1, 1, 4, 4],
    });
  });
});

describe('a value that the runtime cannot hand out', () => {
  it('is left out of the cuts, and the rest of the model is measured', async () => {
    const brain = buildModel({
      inputs: [tensorValue('x', 'f32', [2, 3])],
      outputs: [tensorValue('y', 'f32', [2, 3])],
      nodes: [
        node('Relu', ['x'], ['a']),
        node('Cast', ['a'], ['narrow'], { to: attribute.int(16) }),
        node('Cast', ['narrow'], ['b'], { to: attribute.int(1) }),
        node('Tanh', ['b'], ['y']),
      ],
    });
    await using saved = await saveModel(brain);
    const { shapes } = await measureShapes(await readModelFile(saved.path));
    expect(shapes.get('narrow')).toEqual({ kind: 'other', what: 'of a type that the runtime cannot hand out' });
    expect(shapes.get('b')).toMatchObject({ dtype: 'f32', shape: [2, 3] });
  });
});

describe('the cache', () => {
  it('costs nothing but time where it cannot be written', async () => {
    await using saved = await saveModel(model());
    process.env.CUTPOINT_CACHE_DIR = saved.path;
    const { shapes } = await measureShapes(await readModelFile(saved.path));
    expect(shapes.size).toBeGreaterThan(5);
  });
});

const null_ = (rank: number) => Array.from({ length: rank }, () => null);
