import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tensorOf } from '@cutpoint/core';
import { attribute, buildModel, node, serialiseModel, tensorValue, weight } from '@cutpoint/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSegment } from '../segment/load-segment.js';
import { openCutModel } from './cut-model.js';
import { sourceOf } from './segment-source.js';

/** Adds up the two channels of a picture: 1 x 2 x 2 x 3. */
const model = buildModel({
  inputs: [tensorValue('x', 'f32', ['N', 2, 2, 3])],
  outputs: [tensorValue('y', 'f32', ['N', 1, 2, 3])],
  nodes: [node('Conv', ['x', 'w'], ['y'], { kernel_shape: attribute.ints([1, 1]) })],
  initializers: [weight('w', 'f32', [1, 2, 1, 1], Float32Array.of(1, 10))],
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-preprocessing-'));
});
afterAll(() => rm(folder, { recursive: true }));

let saved = 0;
async function save(preprocessing: unknown): Promise<string> {
  const path = join(folder, `model-${saved++}.onnx`);
  await writeFile(path, serialiseModel(model));
  await writeFile(path.replace('.onnx', '.preprocessing.json'), JSON.stringify(preprocessing));
  return path;
}

describe('the preprocessing declared beside a model', () => {
  it('makes it take pixels, computed as declared', async () => {
    const spec = { input: 'x', scale: 0.5, mean: [1, 2], std: [2, 4] };
    const opened = await openCutModel(await save(spec));
    expect(opened.inputs).toEqual([{ name: 'x.pixels', dtype: 'u8', shape: ['N', 2, 3, 2] }]);
    const pixels = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
    const segment = await loadSegment(sourceOf(opened.file.model, opened.file));
    const { outputs } = await segment.run(new Map([['x.pixels', tensorOf('u8', [1, 2, 3, 2], pixels)]]));
    await segment.dispose();
    const bytes = outputs.get('y')?.data ?? new Uint8Array(0);
    const expected = Array.from({ length: 6 }, (_, at) => {
      const [first = 0, second = 0] = pixels.subarray(2 * at, 2 * at + 2);
      return (first * 0.5 - 1) / 2 + (10 * (second * 0.5 - 2)) / 4;
    });
    const numbers = [...new Float32Array(bytes.slice().buffer)];
    for (const [i, number] of numbers.entries()) expect(number).toBeCloseTo(expected[i] ?? Number.NaN, 4);
  });

  it('lets a cut before the first node be crossed by pixels: a quarter of the bytes', async () => {
    const { list } = await openCutModel(await save({ input: 'x', layout: 'nchw' }));
    expect(list.cuts[0]).toMatchObject({ bytes: 12, tensors: [{ name: 'x.pixels', dtype: 'u8' }] });
  });

  it('makes another model of it', async () => {
    const hashes = [{ input: 'x' }, { input: 'x', scale: 2 }].map(
      async (spec) => (await openCutModel(await save(spec))).file.hash,
    );
    const [one, other] = await Promise.all(hashes);
    expect(one).not.toBe(other);
  });

  it.each([
    ['a file that is none', ['input']],
    ['an input that the model has not', { input: 'z' }],
    ['values for other channels', { input: 'x', mean: [1, 2, 3] }],
    ['a deviation of 0', { input: 'x', std: [0] }],
    ['a name that is unknown', { input: 'x', colour: 'red' }],
  ])('is refused for %s', async (_, spec) => {
    const refused = openCutModel(await save(spec));
    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'CUT_PREPROCESSING' }));
  });

  it('must exist where it is named', async () => {
    const named = openCutModel(await save({ input: 'x' }), { preprocessing: join(folder, 'absent.json') });
    await expect(named).rejects.toThrow(expect.objectContaining({ code: 'CUT_FILE_NOT_FOUND' }));
  });
});
