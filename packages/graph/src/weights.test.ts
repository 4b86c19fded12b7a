import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { buildModel, modelFunction, node, subgraph } from './build.js';
import { attribute } from './build-attributes.js';
import { externalWeight, weight } from './build-values.js';
import { cutsOf, f32 } from './cut-model.testing.js';
import { computedValues, exposeShapes, exposeValues } from './expose.js';
import { indexGraph } from './graph.js';
import { parseModel } from './model.js';
import { SparseTensorProtoSchema, StringStringEntryProtoSchema, TensorProtoSchema } from './onnx_pb.js';
import { relocateExternal } from './relocate.js';
import { serialiseModel } from './serialise.js';
import { type ExternalRange, externalRange, isExternal, weightBytes, weightTensors } from './weights.js';

const inline = (name: string) => weight(name, 'f32', [2], new Float32Array(2));
const external = (name: string, offset: number) => externalWeight(name, 'f32', [2], { location: 'w.bin', offset });
const placed = (location: string, extra: Record<string, string> = {}) => {
  const tensor = external('w', 0);
  const entries = Object.entries({ location, ...extra });
  tensor.externalData = entries.map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
  return tensor;
};

describe('weightBytes', () => {
  it.each([
    [1, [3, 5], 60],
    [10, [3, 5], 30],
    [1, [], 4],
    [1, [0, 7], 0],
    [21, [3], 2],
    [25, [5], 2],
    [16, [5], 10],
    [1, [2 ** 20, 2 ** 12], 2 ** 34],
  ])('of type %i and shape %j is %i', (dataType, dims, bytes) => {
    expect(weightBytes(create(TensorProtoSchema, { dataType, dims: dims.map(BigInt) }))).toBe(bytes);
  });

  it('of texts is their length', () => {
    const stringData = ['ab', 'c'].map((text) => new TextEncoder().encode(text));
    expect(weightBytes(create(TensorProtoSchema, { dataType: 8, dims: [2n], stringData }))).toBe(3);
  });
});

describe('externalRange', () => {
  it('starts at 0 and is as long as the weight where the entry does not say', () => {
    expect(externalRange(placed('sub/w.bin'))).toEqual({ location: 'sub/w.bin', offset: 0, length: 8 });
  });

  it('holds offsets beyond 4 GB', () => {
    expect(externalRange(external('w', 5 * 2 ** 32)).offset).toBe(5 * 2 ** 32);
  });

  it.each([
    ['no location', placed('')],
    ['an absolute path', placed('/etc/passwd')],
    ['an absolute path of Windows', placed('C:\\w.bin')],
    ['a path that leaves the folder', placed('a/../../w.bin')],
    ['a path that leaves the folder with backslashes', placed('..\\w.bin')],
    ['a length that does not fit the shape', placed('w.bin', { length: '9' })],
    ['a length that is no number', placed('w.bin', { length: 'many' })],
    ['a negative offset', placed('w.bin', { offset: '-8' })],
    ['an offset that is not whole', placed('w.bin', { offset: '0.5' })],
    ['an offset beyond what a number holds', placed('w.bin', { offset: '1e300' })],
    ['a negative size', Object.assign(placed('w.bin'), { dims: [-2n] })],
  ])('refuses %s', (_, tensor) => {
    expect(() => externalRange(tensor)).toThrow(
      expect.objectContaining({ code: 'CUT_EXTERNAL_DATA', message: expect.stringContaining('"w"') }),
    );
  });
});

const body = subgraph({
  inputs: [],
  outputs: [f32('r')],
  nodes: [node('Add', ['x', 'own'], ['r'])],
  initializers: [external('own', 16)],
});
const sparse = create(SparseTensorProtoSchema, { values: external('s', 24), indices: inline('i'), dims: [9n] });
const everywhere = buildModel({
  inputs: [f32('x')],
  outputs: [f32('y')],
  nodes: [
    node('Constant', [], ['k'], { value: attribute.tensor(external('', 8)) }),
    node('If', ['c'], ['y'], { then_branch: attribute.graph(body) }),
  ],
  initializers: [external('a', 0), external('tied', 0), inline('c')],
  sparseInitializers: [sparse],
  functions: [
    modelFunction({
      domain: 'd',
      name: 'F',
      inputs: [],
      outputs: ['o'],
      nodes: [node('Constant', [], ['o'], { value: attribute.tensor(external('', 32)) })],
    }),
  ],
});

describe('weightTensors', () => {
  it('finds initializers, sparse weights, constants and the weights of subgraphs', () => {
    expect([...weightTensors(everywhere.graph)].map((tensor) => tensor.name)).toEqual([
      'a',
      'tied',
      'c',
      's',
      'i',
      '',
      'own',
    ]);
  });
});

describe('relocateExternal', () => {
  it('asks once for each range, wherever it is used, and leaves the original as it was', () => {
    const before = serialiseModel(everywhere);
    const asked: ExternalRange[] = [];
    const moved = relocateExternal(everywhere, (range) => ({ location: 'new.bin', offset: 1000 * asked.push(range) }));
    expect(asked.map((range) => range.offset)).toEqual([0, 24, 8, 16, 32]);
    expect(serialiseModel(everywhere)).toEqual(before);
    const read = parseModel(serialiseModel(moved));
    const ranges = [...weightTensors(read.graph)]
      .filter(isExternal)
      .map((tensor) => [tensor.name, externalRange(tensor).offset]);
    expect(ranges).toEqual([
      ['a', 1000],
      ['tied', 1000],
      ['s', 2000],
      ['', 3000],
      ['own', 4000],
    ]);
    const inFunction = read.functions[0]?.node[0]?.attribute[0]?.t;
    expect(inFunction && externalRange(inFunction)).toEqual({ location: 'new.bin', offset: 5000, length: 8 });
  });
});

describe('exposing', () => {
  const { graph } = cutsOf([
    node('Constant', [], ['k'], { value: attribute.tensor(inline('')) }),
    node('Add', ['x', 'k'], ['a']),
    node('Neg', ['a'], ['y']),
  ]);

  it('names the values that are computed, constants left out', () => {
    expect(computedValues(graph)).toEqual(['a', 'y']);
  });

  it('makes any value an output, with the declaration of those that were', () => {
    const exposed = parseModel(serialiseModel(exposeValues(graph.model, ['y', 'a'])));
    expect(exposed.graph.output.map(({ name, type }) => [name, type !== undefined])).toEqual([
      ['y', true],
      ['a', false],
    ]);
    expect(graph.model.graph.output).toHaveLength(1);
  });

  it('gives shapes under names of their own, and nothing else', () => {
    const { model, outputs } = exposeShapes(graph.model, ['a', 'y']);
    expect(model.graph.output.map((output) => output.name)).toEqual([...outputs.values()]);
    expect(
      indexGraph(parseModel(serialiseModel(model)))
        .nodes.slice(-2)
        .map((item) => [item.proto.opType, item.needs]),
    ).toEqual([
      ['Shape', ['a']],
      ['Shape', ['y']],
    ]);
  });

  it('keeps what the model says of itself', () => {
    expect(exposeValues(graph.model, ['a'])).toMatchObject({
      irVersion: 8n,
      opsetImport: [{ domain: '', version: 17n }],
    });
  });
});
