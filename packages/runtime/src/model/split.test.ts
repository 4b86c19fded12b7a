import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CutpointError, type NamedTensors } from '@cutpoint/core';
import { attribute, buildModel, node, tensorValue, weight } from '@cutpoint/graph';
import { describe, expect, it } from 'vitest';
import { openCutModel } from './cut-model.js';
import { concreteInputs } from './input-types.js';
import { openSplit } from './open-split.js';
import { randomInputs } from './random-inputs.js';
import type { SplitModel } from './split-model.js';
import { loadStage } from './stage.js';
import { saveModel } from './temporary-model.testing.js';
import { writeSegments } from './write-segments.js';

/** Two inputs of which one is used only at the end, and an output that is known early. */
const model = () =>
  buildModel({
    inputs: [tensorValue('x', 'f32', ['N', 4]), tensorValue('late', 'f32', ['N', 4])],
    outputs: [tensorValue('early', 'f32', ['N', 4]), tensorValue('y', 'f32', ['N', 4])],
    initializers: [
      weight(
        'w',
        'f32',
        [4, 4],
        Float32Array.from({ length: 16 }, (_, i) => i / 16),
      ),
    ],
    nodes: [
      node('MatMul', ['x', 'w'], ['a']),
      node('Relu', ['a'], ['early']),
      node('Clip', ['early', '', ''], ['b']),
      node('Softmax', ['b'], ['c'], { axis: attribute.int(1) }),
      node('Add', ['c', 'late'], ['y']),
    ],
  });

async function runAll(split: SplitModel, inputs: NamedTensors): Promise<NamedTensors> {
  const answers = new Map();
  let tensors = inputs;
  for (const plan of split.segments) {
    await using stage = await loadStage(plan, { optimisation: 'none' });
    const result = await stage.run(tensors);
    for (const [name, tensor] of result.answers) answers.set(name, tensor);
    tensors = result.sends;
  }
  return answers;
}

const inputsOf = (split: SplitModel) => randomInputs(concreteInputs(split.inputs, new Map([['N', 2]])).inputs);

describe('a split model', () => {
  it('gives the same answers from memory, from a folder, and uncut, wherever it is cut', async () => {
    await using saved = await saveModel(model());
    const whole = await openSplit(saved.path, {});
    const inputs = inputsOf(whole);
    const expected = await runAll(whole, inputs);
    expect([...expected.keys()].sort()).toEqual(['early', 'y']);
    const cutModel = await openCutModel(saved.path);
    for (const at of [[0], [1], [2, 3], [1, 2, 4], [5], [0, 5]]) {
      expect(await runAll(await openSplit(saved.path, { at }), inputs)).toEqual(expected);
      const folder = join(saved.folder, `segments-${at.join('-')}`);
      await writeSegments(cutModel, at, folder);
      const reopened = await openSplit(join(folder, 'segments.json'));
      expect(reopened.modelHash).toBe(whole.modelHash);
      expect(await runAll(reopened, inputs)).toEqual(expected);
    }
  });

  it('keeps early answers on the agent and sends inputs that are needed late', async () => {
    await using saved = await saveModel(model());
    const { segments, cuts } = await openSplit(saved.path, { at: [3] });
    expect(cuts[0]?.tensors.map(({ name }) => name)).toEqual(['late', 'b']);
    expect(segments.map(({ answers }) => answers)).toEqual([['early'], ['y']]);
  });

  it('has nothing to compute before the first cut and behind the last', async () => {
    await using saved = await saveModel(model());
    const sources = async (at: number[]) => {
      const { segments } = await openSplit(saved.path, { at });
      return await Promise.all(segments.map(async (plan) => (await plan.source())?.kind ?? 'nothing'));
    };
    expect(await sources([0])).toEqual(['nothing', 'bytes']);
    expect(await sources([5])).toEqual(['bytes', 'nothing']);
  });
});

describe('a stage', () => {
  it('refuses tensors that it does not take, and says which it takes', async () => {
    await using saved = await saveModel(model());
    const split = await openSplit(saved.path, { at: [2] });
    const [front] = split.segments;
    if (front === undefined) throw new Error('There is a front segment.');
    await using stage = await loadStage(front);
    const inputs = inputsOf(split);
    const [x] = inputs.values();
    if (x === undefined) throw new Error('There is an input.');
    const code = (tensors: NamedTensors) => stage.run(tensors).then(String, (error: CutpointError) => error.code);
    expect(await code(new Map([['x', x]]))).toBe('CUT_INPUT');
    expect(await code(new Map([...inputs, ['z', x]]))).toBe('CUT_INPUT');
    expect(await code(new Map([...inputs, ['x', { ...x, dtype: 'i32' }]]))).toBe('CUT_INPUT');
    await expect(stage.run(new Map([['x', x]]))).rejects.toThrow('takes the tensors "x", "late": "late" is missing.');
  });

  it('leaves the buffers of tensors that travel on to their owner', async () => {
    await using saved = await saveModel(model());
    const split = await openSplit(saved.path, { at: [1] });
    const [front] = split.segments;
    if (front === undefined) throw new Error('There is a front segment.');
    await using stage = await loadStage(front);
    const { sends } = await stage.run(inputsOf(split), { transfer: true });
    expect(sends.get('late')?.data.byteLength).toBe(32);
  });
});

describe('a segments.json', () => {
  it.each([
    ['not JSON', '{', 'is not JSON'],
    ['another format', '{"format":"x"}', 'is not a segments file: format'],
  ])('that is %s is refused', async (_, text, message) => {
    await using saved = await saveModel(model());
    const path = join(saved.folder, 'segments.json');
    await writeFile(path, text);
    await expect(openSplit(path)).rejects.toThrow(message);
    await expect(openSplit(path)).rejects.toBeInstanceOf(CutpointError);
  });

  it('refuses a segment file that is not what was written, a name outside the folder, and cuts on top', async () => {
    await using saved = await saveModel(model());
    const folder = join(saved.folder, 'segments');
    const description = await writeSegments(await openCutModel(saved.path), [2], folder);
    const path = join(folder, 'segments.json');
    await expect(openSplit(path, { at: [1] })).rejects.toMatchObject({ code: 'CUT_USAGE' });
    await writeFile(join(folder, 'segment-0.onnx'), 'something else');
    const [front] = (await openSplit(path)).segments;
    await expect(front?.source()).rejects.toMatchObject({ code: 'CUT_MODEL_INVALID' });
    const [first, ...others] = description.segments;
    const outside = { ...description, segments: [{ ...first, file: '../model.onnx' }, ...others] };
    await writeFile(path, JSON.stringify(outside));
    await expect(openSplit(path)).rejects.toMatchObject({ code: 'CUT_MODEL_INVALID' });
  });
});

describe('writing segments', () => {
  it('never overwrites the model or the weights it reads', async () => {
    await using saved = await saveModel(model());
    const folder = join(saved.folder, 'segments');
    await writeSegments(await openCutModel(saved.path), [2], folder);
    const again = await openCutModel(join(folder, 'segment-1.onnx'));
    const before = await readFile(join(folder, 'segment-1.onnx'));
    await expect(writeSegments(again, [1], folder)).rejects.toMatchObject({ code: 'CUT_FILE_WRITE' });
    expect(await readFile(join(folder, 'segment-1.onnx'))).toEqual(before);
  });

  it('leaves nothing half done, and says where it could not write', async () => {
    await using saved = await saveModel(model());
    const file = join(saved.folder, 'a-file');
    await writeFile(file, '');
    const split = writeSegments(await openCutModel(saved.path), [2], file);
    await expect(split).rejects.toMatchObject({ code: 'CUT_FILE_WRITE', message: expect.stringContaining('a-file') });
    const folder = join(saved.folder, 'segments');
    await writeSegments(await openCutModel(saved.path), [2], folder);
    expect((await readdir(folder)).sort()).toEqual(['segment-0.onnx', 'segment-1.onnx', 'segments.json']);
  });
});
