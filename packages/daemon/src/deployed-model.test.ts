import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tensorOf } from '@cutpoint/core';
import { attribute, buildModel, node, serialiseModel, tensorValue } from '@cutpoint/graph';
import { openSplit } from '@cutpoint/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeployedModel } from './deployed-model.js';
import { stageKey } from './stage-store.js';

let folder: string;
const paths: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-deployed-'));
  process.env.CUTPOINT_CACHE_DIR = join(folder, 'cache');
  for (const axis of [0, 1]) {
    const model = buildModel({
      inputs: [tensorValue('x', 'f32', [2, 2])],
      outputs: [tensorValue('y', 'f32', [2, 2])],
      nodes: [node('Relu', ['x'], ['a']), node('Softmax', ['a'], ['y'], { axis: attribute.int(axis) })],
    });
    const path = join(folder, `model-${axis}.onnx`);
    await writeFile(path, serialiseModel(model));
    paths.push(path);
  }
});

afterAll(async () => {
  delete process.env.CUTPOINT_CACHE_DIR;
  await rm(folder, { recursive: true, force: true });
});

const split = async (model: number, at: readonly number[]) => await openSplit(paths[model] ?? '', { at });

async function deployed() {
  const splits = [
    { model: await split(0, [1]), own: [0] },
    { model: await split(0, []), own: [0] },
  ];
  return await DeployedModel.open({ splits, tables: new Map(), segmentOptions: {} });
}

const input = () => new Map([['x', tensorOf('f32', [2, 2], new Float32Array([-1, 1, 2, -2]))]]);
const neverLoad = () => Promise.reject(new Error('it was to be loaded already'));

describe('a deployed model', () => {
  it('has the segments of this device loaded, under the keys that requests use', async () => {
    await using model = await deployed();
    const run = (at: number[]) => model.stages.use(stageKey(at, 0), neverLoad, (stage) => stage.run(input()));
    expect([...(await run([1])).sends.keys()]).toEqual(['a']);
    expect([...(await run([])).answers.keys()]).toEqual(['y']);
    expect(() => model.source.splitAt([0])).toThrow(expect.objectContaining({ code: 'CUT_MODEL_MISMATCH' }));
  });

  it('lets requests end before it goes, and takes no more', async () => {
    const model = await deployed();
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const request = model.use(async ({ stages }) => {
      await gate;
      return await stages.use(stageKey([], 0), neverLoad, (stage) => stage.run(input()));
    });
    const drained = model.drain(20_000).then(() => 'drained');
    await expect(model.use(async () => 'more')).rejects.toMatchObject({ code: 'CUT_STALE' });
    expect(await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 100))])).toBeUndefined();
    go();
    expect([...(await request).answers.keys()]).toEqual(['y']);
    expect(await drained).toBe('drained');
  });

  it('does not wait for ever', async () => {
    const model = await deployed();
    const request = model.use(() => new Promise((resolve) => setTimeout(() => resolve('late'), 2_000)));
    const startedAt = performance.now();
    await model.drain(50);
    expect(performance.now() - startedAt).toBeLessThan(1_900);
    expect(await request).toBe('late');
  });

  it('is one model', async () => {
    const splits = [
      { model: await split(0, [1]), own: [0] },
      { model: await split(1, [1]), own: [0] },
    ];
    const opening = DeployedModel.open({ splits, tables: new Map(), segmentOptions: {} });
    await expect(opening).rejects.toMatchObject({ code: 'CUT_DEPLOYMENT' });
  });
});
