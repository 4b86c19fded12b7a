import { describe, expect, it } from 'vitest';
import { buildModel, modelFunction, node, subgraph } from './build.js';
import { attribute } from './build-attributes.js';
import { externalWeight, tensorValue, weight } from './build-values.js';
import { parseModel } from './model.js';
import { serialiseModel } from './serialise.js';
import { externalRange, isExternal } from './weights.js';

describe('buildModel', () => {
  it('makes a model that reads back as it was written', () => {
    const model = buildModel({
      opset: 13,
      irVersion: 7,
      domains: { 'com.example': 2 },
      inputs: [tensorValue('x', 'f32', ['batch', null, 4])],
      outputs: [tensorValue('y', 'f16', [])],
      nodes: [
        node('Twice', ['x', ''], ['t'], { by: attribute.int(0) }, { domain: 'com.example', name: 'first' }),
        node('If', ['c'], ['y'], {
          then_branch: attribute.graph(subgraph({ inputs: [], outputs: [tensorValue('t', 'f16', [])], nodes: [] })),
        }),
      ],
      initializers: [weight('c', 'bool', [], new Uint8Array([1]))],
      functions: [
        modelFunction({
          domain: 'com.example',
          name: 'Twice',
          inputs: ['a'],
          outputs: ['b'],
          attributes: ['by'],
          nodes: [node('Add', ['a', 'a'], ['b'], { by: attribute.reference('INT', 'by') })],
        }),
      ],
    });
    const read = parseModel(serialiseModel(model));
    expect(read).toEqual(model);
    expect(read.opsetImport.map((entry) => [entry.domain, entry.version])).toEqual([
      ['', 13n],
      ['com.example', 2n],
    ]);
    expect(read.graph.input[0]?.type?.value).toMatchObject({
      case: 'tensorType',
      value: { elemType: 1, shape: { dim: [{ value: { value: 'batch' } }, { value: {} }, { value: { value: 4n } }] } },
    });
    expect(read.graph.node[0]?.attribute[0]).toMatchObject({ name: 'by', type: 2, i: 0n });
  });

  it('keeps every kind of attribute', () => {
    const tensor = weight('w', 'i64', [2], new BigInt64Array([1n, -1n]));
    const graph = subgraph({ inputs: [], outputs: [], nodes: [] });
    const attributes = {
      int: attribute.int(-3),
      float: attribute.float(0.5),
      string: attribute.string('naïve'),
      tensor: attribute.tensor(tensor),
      graph: attribute.graph(graph),
      ints: attribute.ints([1, 2n]),
      floats: attribute.floats([1.5]),
      strings: attribute.strings(['a', 'b']),
      tensors: attribute.tensors([tensor]),
      graphs: attribute.graphs([graph]),
    };
    const model = buildModel({
      inputs: [],
      outputs: [tensorValue('y', 'f32', [])],
      nodes: [node('Op', [], ['y'], attributes)],
    });
    const read = parseModel(serialiseModel(model)).graph.node[0]?.attribute;
    expect(read?.map(({ name }) => name)).toEqual(Object.keys(attributes));
    expect(read?.map(({ type }) => type)).toEqual([2, 1, 3, 4, 5, 7, 6, 8, 9, 10]);
    expect(read).toMatchObject([
      { i: -3n },
      { f: 0.5 },
      { s: new TextEncoder().encode('naïve') },
      { t: { dims: [2n], rawData: tensor.rawData } },
      { g: { name: 'graph' } },
      { ints: [1n, 2n] },
      { floats: [1.5] },
      { strings: [new Uint8Array([97]), new Uint8Array([98])] },
      { tensors: [{ name: 'w' }] },
      { graphs: [{ name: 'graph' }] },
    ]);
  });

  it('lets nodes share an attribute value under different names', () => {
    const shared = attribute.int(1);
    const [a, b] = [node('A', [], ['a'], { axis: shared }), node('B', [], ['b'], { group: shared })];
    expect([a.attribute[0]?.name, b.attribute[0]?.name]).toEqual(['axis', 'group']);
  });

  it('points an external weight to its range', () => {
    const tensor = externalWeight('w', 'f16', [3, 5], { location: 'weights/a.bin', offset: 4096 });
    expect(isExternal(tensor)).toBe(true);
    expect(externalRange(tensor)).toEqual({ location: 'weights/a.bin', offset: 4096, length: 30 });
  });

  it('refuses a weight whose bytes do not fit its shape', () => {
    expect(() => weight('w', 'f32', [3], new Float32Array(2))).toThrow(
      expect.objectContaining({ code: 'CUT_INPUT', message: expect.stringContaining('takes 12 bytes') }),
    );
  });
});
