import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { modelFunction, node, subgraph } from './build.js';
import { attribute } from './build-attributes.js';
import { externalWeight, tensorValue, weight } from './build-values.js';
import { cutsOf, f32 } from './cut-model.testing.js';
import { cutAt, extractSegments } from './extract.js';
import { StringStringEntryProtoSchema, TensorAnnotationSchema } from './onnx_pb.js';

const w = (name: string) => weight(name, 'f32', [10], new Float32Array(10));
const twoStep = [node('Mul', ['x', 'w'], ['a']), node('Mul', ['a', 'w'], ['y'])];

const namesOf = (list: readonly { name: string }[] | undefined) => list?.map((item) => item.name);

describe('extractSegments', () => {
  it('gives the whole model for no cut, and k + 1 segments for k cuts', () => {
    const list = cutsOf(twoStep, { initializers: [w('w')] });
    const [whole, ...none] = extractSegments(list, []);
    expect(none).toEqual([]);
    expect(whole).toMatchObject({ index: 0, receives: ['x'], sends: [], answers: ['y'] });
    expect(whole?.model?.graph.node).toHaveLength(2);
    expect(extractSegments(list, [0, 1, 2])).toHaveLength(4);
  });

  it('gives a weight that is used on both sides to both', () => {
    const segments = extractSegments(cutsOf(twoStep, { initializers: [w('w'), w('unused')] }), [1]);
    expect(segments.map(({ model }) => namesOf(model?.graph.initializer))).toEqual([['w'], ['w']]);
    expect(segments.map(({ model }) => namesOf(model?.graph.input))).toEqual([['x'], ['a']]);
    expect(segments.map(({ model }) => namesOf(model?.graph.output))).toEqual([['a'], ['y']]);
  });

  it('has no model where there is nothing to compute: before the first and behind the last node', () => {
    const list = cutsOf(twoStep, { initializers: [w('w')] });
    expect(extractSegments(list, [0]).map((segment) => segment.model === null)).toEqual([true, false]);
    expect(extractSegments(list, [2]).map((segment) => segment.model === null)).toEqual([false, true]);
  });

  it('answers an output that is an input or a weight from the first segment', () => {
    const list = cutsOf(twoStep, { initializers: [w('w')], outputs: [f32('x'), f32('w'), f32('y')] });
    const [front, back] = extractSegments(list, [1]);
    expect([front?.answers, back?.answers]).toEqual([['x', 'w'], ['y']]);
    // What is received is not an output of the model: whoever runs the segment has it already.
    expect(namesOf(front?.model?.graph.output)).toEqual(['a', 'w']);
  });

  it('gives an output that also crosses once', () => {
    const list = cutsOf(twoStep, { initializers: [w('w')], outputs: [f32('a'), f32('y')] });
    const [front, back] = extractSegments(list, [1]);
    expect([front?.sends, front?.answers, namesOf(front?.model?.graph.output)]).toEqual([['a'], ['a'], ['a']]);
    expect(back?.answers).toEqual(['y']);
  });

  it('declares what crosses by what was measured, and what the model declares as the model does', () => {
    const misdeclared = tensorValue('a', 'f32', [999]);
    const list = cutsOf(twoStep, {
      initializers: [w('w')],
      inputs: [tensorValue('x', 'f32', ['batch'])],
      outputs: [misdeclared, tensorValue('y', 'f32', ['batch'])],
    });
    const [front, back] = extractSegments(list, [1]);
    expect(front?.model?.graph.input).toEqual([tensorValue('x', 'f32', ['batch'])]);
    expect(back?.model?.graph.input).toEqual([tensorValue('a', 'f32', [null])]);
    expect(back?.model?.graph.output).toEqual([tensorValue('y', 'f32', ['batch'])]);
  });

  it('takes along captured weights, types of inner values, annotations, metadata and operator sets', () => {
    const body = subgraph({ inputs: [], outputs: [f32('r')], nodes: [node('Add', ['a', 'w'], ['r'])] });
    const list = cutsOf(
      [
        node('Neg', ['x'], ['a']),
        node('If', ['c'], ['b'], { then_branch: attribute.graph(body) }),
        node('Neg', ['b'], ['y']),
      ],
      {
        opset: 12,
        domains: { 'com.microsoft': 1 },
        initializers: [w('w'), weight('c', 'bool', [], new Uint8Array(1))],
        inner: [f32('a'), f32('b')],
      },
    );
    const { model } = list.graph;
    model.graph.quantizationAnnotation = ['w', 'b', 'x'].map((tensorName) =>
      create(TensorAnnotationSchema, { tensorName }),
    );
    model.metadataProps = [create(StringStringEntryProtoSchema, { key: 'author', value: 'someone' })];
    const back = extractSegments(list, [1])[1]?.model;
    expect(namesOf(back?.graph.initializer)).toEqual(['w', 'c']);
    expect(namesOf(back?.graph.valueInfo)).toEqual(['b']);
    expect(back?.graph.quantizationAnnotation.map((entry) => entry.tensorName)).toEqual(['w', 'b']);
    expect(back?.metadataProps).toEqual(model.metadataProps);
    expect(back?.opsetImport).toEqual(model.opsetImport);
  });

  it('takes along the functions that are called, directly or through others, in a subgraph too', () => {
    const domain = 'com.example';
    const define = (name: string, callee: string, calleeDomain = '') =>
      modelFunction({
        domain,
        name,
        inputs: ['a'],
        outputs: ['b'],
        nodes: [node(callee, ['a'], ['b'], {}, { domain: calleeDomain })],
      });
    const functions = [
      define('Outer', 'Inner', domain),
      define('Inner', 'Neg'),
      define('Front', 'Neg'),
      define('Unused', 'Neg'),
    ];
    const body = subgraph({ inputs: [], outputs: [f32('r')], nodes: [node('Outer', ['a'], ['r'], {}, { domain })] });
    const list = cutsOf(
      [node('Front', ['x'], ['a'], {}, { domain }), node('If', ['c'], ['y'], { then_branch: attribute.graph(body) })],
      {
        functions,
        initializers: [weight('c', 'bool', [], new Uint8Array(1))],
      },
    );
    const models = extractSegments(list, [1]).map(({ model }) => namesOf(model?.functions));
    expect(models).toEqual([['Front'], ['Outer', 'Inner']]);
  });

  it('raises IR version 3, in which every weight would be an input', () => {
    const list = cutsOf(twoStep, { irVersion: 3, inputs: [f32('x'), f32('w')], initializers: [w('w')] });
    const models = extractSegments(list, [1]).map(({ model }) => model);
    expect(models.map((model) => [model?.irVersion, namesOf(model?.graph.input)])).toEqual([
      [4n, ['x']],
      [4n, ['a']],
    ]);
  });

  it('leaves empty optional inputs and external weights as they are', () => {
    const external = externalWeight('w', 'f32', [10], { location: 'big.bin', offset: 2 ** 33 });
    const list = cutsOf([node('Neg', ['x'], ['a']), node('Clip', ['a', '', 'w'], ['y'])], { initializers: [external] });
    const back = extractSegments(list, [1])[1]?.model;
    expect(back?.graph.node[0]?.input).toEqual(['a', '', 'w']);
    expect(back?.graph.initializer).toEqual([external]);
  });

  it.each([
    ['a cut that does not exist', [3], 'Cut 3 does not exist: this model has the cuts 0 to 2.'],
    ['a negative cut', [-1], 'Cut -1 does not exist'],
    ['half a cut', [0.5], 'Cut 0.5 does not exist'],
    ['cuts that descend', [2, 1], 'must ascend'],
    ['a cut twice', [1, 1], 'must ascend'],
  ])('refuses %s', (_, at, message) => {
    const list = cutsOf(twoStep, { initializers: [w('w')] });
    expect(() => extractSegments(list, at)).toThrow(
      expect.objectContaining({ code: 'CUT_ILLEGAL_CUT', message: expect.stringContaining(message) }),
    );
  });

  it('finds a cut by its index', () => {
    expect(cutAt(cutsOf(twoStep, { initializers: [w('w')] }), 1).name).toBe('Mul:a');
  });
});
