import { attribute, buildModel, node, type onnx, tensorValue, weight } from '@cutpoint/graph';
import { openCutModel } from '@cutpoint/runtime';
import { expect, it } from 'vitest';
import { chooseCuts } from './choose-cuts.js';
import { assumedTotalMs, cutCosts } from './cut-costs.js';
import { makeNodeCosts, workKinds } from './node-costs.js';
import { saveModel, smallModel } from './small-model.testing.js';

it('counts the operations of convolutions and products by kind', async () => {
  await using saved = await saveModel(smallModel(1));
  const { list } = await openCutModel(saved.path);
  const costs = makeNodeCosts(list.graph, list.shapes);
  const amount = (name: string, kind: (typeof workKinds)[number]) => {
    const node = list.graph.nodes.find(({ proto }) => proto.name === name);
    if (node === undefined) throw new Error(`There is no node ${name}.`);
    return costs.of(node)[workKinds.indexOf(kind)] ?? 0;
  };
  const pixels = 32 * 32;
  // 2 x 3 x 9 operations for each of 16 x 32 x 32 outputs, and so on; all convolutions are assumed to run alike but one.
  expect(amount('pointwise0', 'pointwise') / amount('stem', 'spatial')).toBeCloseTo(16 / 27);
  expect(amount('product', 'matmul') / amount('stem', 'spatial')).toBeCloseTo((16 * 10) / (27 * 16 * pixels));
  expect(amount('depthwise0', 'depthwise')).toBeGreaterThan(0);
  expect(amount('relu0', 'fused')).toBeGreaterThan(0);
  expect(amount('relu0', 'bytes')).toBe(0);
  expect(amount('pool', 'bytes')).toBeGreaterThan(0);
  expect(workKinds.map((kind) => amount('flatten', kind))).toEqual(workKinds.map(() => 0));
});

it('counts the operations of a convolution wherever its weights come from', async () => {
  const values = tensorWeight('w', [8, 3, 3, 3]);
  const same = { kernel_shape: attribute.ints([3, 3]), pads: attribute.ints([1, 1, 1, 1]) };
  const byConstant = node('Constant', [], ['k'], { value: attribute.tensor(values) });
  const costOf = async (initializers: onnx.TensorProto[], nodes: onnx.NodeProto[]) => {
    const model = buildModel({
      inputs: [tensorValue('x', 'f32', [1, 3, 16, 16])],
      outputs: [tensorValue('y', 'f32', [1, 8, 16, 16])],
      initializers,
      nodes: [...nodes, node('Conv', ['x', 'k'], ['y'], same, { name: 'conv' })],
    });
    await using saved = await saveModel(model);
    const { list } = await openCutModel(saved.path);
    const conv = list.graph.nodes.find(({ proto }) => proto.name === 'conv');
    if (conv === undefined) throw new Error('There is no convolution.');
    return makeNodeCosts(list.graph, list.shapes).of(conv);
  };
  const expected = await costOf([tensorWeight('k', [8, 3, 3, 3])], []);
  expect(expected[workKinds.indexOf('spatial')]).toBeGreaterThan(0);
  expect(await costOf([], [byConstant])).toEqual(expected);
  expect(await costOf([values], [node('Identity', ['w'], ['k'])])).toEqual(expected);
});

it('gives the segments before and behind each cut together the work of the whole', async () => {
  await using saved = await saveModel(smallModel(3));
  const { list } = await openCutModel(saved.path);
  const costs = cutCosts(list);
  const whole = costs[0]?.back.work ?? [];
  for (const { front, back } of costs) {
    for (const [i, value] of whole.entries()) expect((front.work[i] ?? 0) + (back.work[i] ?? 0)).toBeCloseTo(value, 9);
  }
  expect(costs.at(-1)?.front.work).toEqual(whole);
  const severed = list.cuts.filter(({ index }) => (costs[index]?.back.side[3] ?? 0) > 0).map(({ name }) => name);
  expect(severed).toEqual(['stem', 'depthwise0', 'depthwise1', 'depthwise2']);
});

it('chooses cuts that are spread over the cost, all of them inner ones, each once', async () => {
  await using saved = await saveModel(smallModel(30));
  const { list } = await openCutModel(saved.path);
  const costs = cutCosts(list);
  const chosen = chooseCuts(list.cuts, costs, 8);
  expect(chosen.length).toBeGreaterThanOrEqual(8);
  expect(chosen.length).toBeLessThanOrEqual(12);
  expect(new Set(chosen).size).toBe(chosen.length);
  expect(chosen).toEqual([...chosen].sort((a, b) => a - b));
  expect(Math.min(...chosen)).toBeGreaterThan(0);
  expect(Math.max(...chosen)).toBeLessThan(list.cuts.length - 1);
  const costOf = (cut: number) => assumedTotalMs({ work: costs[cut]?.front.work ?? [], side: [] });
  const places = [0, ...chosen, list.cuts.length - 1].map(costOf);
  const gaps = places.slice(1).map((place, i) => place - (places[i] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(0.3 * (places.at(-1) ?? 0));
  expect(chooseCuts(list.cuts.slice(0, 5), costs, 8)).toEqual([1, 2, 3]);
});

function tensorWeight(name: string, shape: readonly number[]) {
  return weight(name, 'f32', shape, new Float32Array(shape.reduce((product, dim) => product * dim, 1)).fill(0.01));
}
