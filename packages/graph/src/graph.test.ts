import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { buildModel, modelFunction, node, subgraph } from './build.js';
import { attribute } from './build-attributes.js';
import { tensorValue, weight } from './build-values.js';
import { indexGraph, nodeLabel } from './graph.js';
import { type NodeProto, SparseTensorProtoSchema } from './onnx_pb.js';

const f32 = (name: string) => tensorValue(name, 'f32', [1]);
const one = (name: string) => weight(name, 'f32', [1], new Float32Array([1]));
const constant = (name: string) => node('Constant', [], [name], { value: attribute.tensor(one('')) });

const graphOf = (nodes: NodeProto[], parts: Partial<Parameters<typeof buildModel>[0]> = {}) =>
  indexGraph(buildModel({ inputs: [f32('x')], outputs: [f32('y')], nodes, initializers: [one('w')], ...parts }));

const needsOf = (body: NodeProto['attribute'][number]['g']) =>
  body === undefined
    ? []
    : graphOf([node('If', ['x'], ['y'], { then_branch: attribute.graph(body) })], { initializers: [one('w')] }).nodes[0]
        ?.needs;

const invalid = (message: string) =>
  expect.objectContaining({ code: 'CUT_MODEL_INVALID', message: expect.stringContaining(message) });

describe('constants', () => {
  it('are weights, Constant nodes and all that is made from them alone', () => {
    const graph = graphOf([
      constant('k'),
      node('Add', ['k', 'w'], ['kw']),
      node('Transpose', ['kw'], ['kt']),
      node('Add', ['x', 'kt'], ['y']),
    ]);
    expect(graph.nodes.map((item) => item.constant)).toEqual([true, true, true, false]);
    expect(['w', 'k', 'kw', 'kt', 'x', 'y'].map((name) => graph.isConstant(name))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it('are sparse weights too', () => {
    const sparse = create(SparseTensorProtoSchema, {
      values: one('s'),
      indices: weight('', 'i64', [1], new BigInt64Array(1)),
      dims: [9n],
    });
    const graph = graphOf([node('MatMul', ['s', 'w'], ['k']), node('Add', ['x', 'k'], ['y'])], {
      sparseInitializers: [sparse],
    });
    expect(graph.isConstant('k')).toBe(true);
  });

  it('are not random values, though these need nothing', () => {
    const shape = { shape: attribute.ints([1]) };
    const graph = graphOf([
      node('RandomNormal', [], ['r'], shape),
      node('RandomUniformLike', ['w'], ['s']),
      node('Add', ['r', 's'], ['t']),
      node('Add', ['t', 'x'], ['y']),
    ]);
    expect(['r', 's', 't'].map((name) => graph.isConstant(name))).toEqual([false, false, false]);
  });

  it('are not what a subgraph, a function, or a function that a function calls draws at random', () => {
    const domain = 'com.example';
    const call = (name: string, output: string) => node(name, ['w'], [output], {}, { domain });
    const body = (...nodes: NodeProto[]) => subgraph({ inputs: [], outputs: [f32('inner')], nodes });
    const functions = [
      // The caller is listed before what it calls.
      modelFunction({
        domain,
        name: 'Outer',
        inputs: ['a'],
        outputs: ['b'],
        nodes: [node('Inner', ['a'], ['b'], {}, { domain })],
      }),
      modelFunction({
        domain,
        name: 'Inner',
        inputs: ['a'],
        outputs: ['b'],
        nodes: [node('RandomNormalLike', ['a'], ['b'])],
      }),
      modelFunction({ domain, name: 'Plain', inputs: ['a'], outputs: ['b'], nodes: [node('Neg', ['a'], ['b'])] }),
    ];
    const graph = graphOf(
      [
        call('Outer', 'outer'),
        call('Inner', 'inner1'),
        call('Plain', 'plain'),
        node('If', ['w'], ['drawn'], { then_branch: attribute.graph(body(node('Bernoulli', ['w'], ['inner']))) }),
        node('If', ['w'], ['called'], { then_branch: attribute.graph(body(call('Outer', 'inner'))) }),
        node('If', ['w'], ['fixed'], { then_branch: attribute.graph(body(call('Plain', 'inner'))) }),
        node('Sum', ['x', 'outer', 'inner1', 'plain', 'drawn', 'called', 'fixed'], ['y']),
      ],
      { functions, domains: { [domain]: 1 } },
    );
    const constants = ['outer', 'inner1', 'plain', 'drawn', 'called', 'fixed'].filter((name) => graph.isConstant(name));
    expect(constants).toEqual(['plain', 'fixed']);
  });

  it('reads a long chain of functions in time', () => {
    const domain = 'com.example';
    const functions = Array.from({ length: 5000 }, (_, i) =>
      modelFunction({
        domain,
        name: `F${i}`,
        inputs: ['a'],
        outputs: ['b'],
        nodes: [node(i === 4999 ? 'Bernoulli' : `F${i + 1}`, ['a'], ['b'], {}, { domain: i === 4999 ? '' : domain })],
      }),
    );
    const started = performance.now();
    const graph = graphOf([node('F0', ['w'], ['r'], {}, { domain }), node('Add', ['x', 'r'], ['y'])], { functions });
    expect(graph.isConstant('r')).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('inputs', () => {
  it('leave out those with a default value, as models of IR version 3 list their weights there', () => {
    const graph = graphOf([node('Add', ['x', 'w'], ['y'])], { irVersion: 3, inputs: [f32('w'), f32('x')] });
    expect(graph.inputs.map((input) => input.name)).toEqual(['x']);
    expect(graph.isConstant('w')).toBe(true);
  });
});

describe('what a node needs', () => {
  it('leaves out empty optional inputs and names each value once', () => {
    const graph = graphOf([node('Clip', ['x', '', 'x', 'w'], ['y', ''])]);
    expect(graph.nodes[0]).toMatchObject({ needs: ['x', 'w'], gives: ['y'] });
  });

  it('includes what its subgraphs capture: values, weights, and outputs that are outer values', () => {
    const body = subgraph({ inputs: [], outputs: [f32('sum'), f32('x')], nodes: [node('Add', ['x', 'w'], ['sum'])] });
    expect(needsOf(body)).toEqual(['x', 'w']);
  });

  it('leaves out what a subgraph defines itself: inputs, weights, results', () => {
    const body = subgraph({
      inputs: [f32('i')],
      outputs: [f32('b')],
      nodes: [node('Add', ['i', 'own'], ['a']), node('Neg', ['a'], ['b'])],
      initializers: [one('own')],
    });
    expect(needsOf(body)).toEqual(['x']);
  });

  it('sees an outer value that is captured before a result of the same name shadows it', () => {
    const body = subgraph({
      inputs: [],
      outputs: [f32('w')],
      nodes: [node('Neg', ['w'], ['a']), node('Neg', ['a'], ['w'])],
    });
    expect(needsOf(body)).toEqual(['x', 'w']);
  });

  it('sees through nested subgraphs, where a name may be shadowed in one and captured in another', () => {
    const inner = (inputs: string[]) =>
      subgraph({ inputs: inputs.map(f32), outputs: [f32('r')], nodes: [node('Add', ['x', 'w'], ['r'])] });
    const outer = (...bodies: ReturnType<typeof inner>[]) =>
      subgraph({
        inputs: [],
        outputs: [f32('out')],
        nodes: bodies.map((body, i) =>
          node('Loop', ['', ''], [i === 0 ? 'out' : `out${i}`], { body: attribute.graph(body) }),
        ),
      });
    expect(needsOf(outer(inner(['w'])))).toEqual(['x']);
    expect(needsOf(outer(inner(['w']), inner([])))).toEqual(['x', 'w']);
  });

  it('makes a node with subgraphs a constant only if what it captures is', () => {
    const body = (name: string) => subgraph({ inputs: [], outputs: [f32('r')], nodes: [node('Neg', [name], ['r'])] });
    const graph = graphOf([
      constant('c'),
      node('If', ['c'], ['fixed'], { then_branch: attribute.graph(body('w')) }),
      node('If', ['c'], ['y'], { then_branch: attribute.graph(body('x')) }),
    ]);
    expect(graph.nodes.map((item) => item.constant)).toEqual([true, true, false]);
  });
});

describe('an invalid graph', () => {
  it.each([
    ['uses a value that nothing defines', [node('Add', ['x', 'nowhere'], ['y'])], '"nowhere"'],
    [
      'uses a value before it is defined',
      [node('Neg', ['a'], ['y'], {}, { name: 'early' }), node('Neg', ['x'], ['a'])],
      'node early uses "a"',
    ],
    ['uses its own result', [node('Add', ['x', 'y'], ['y'])], '"y"'],
    [
      'captures a value that nothing defines',
      [
        node('If', ['x'], ['y'], {
          then_branch: attribute.graph(subgraph({ inputs: [], outputs: [f32('gone')], nodes: [] })),
        }),
      ],
      '"gone"',
    ],
    ['defines a value twice', [node('Neg', ['x'], ['y']), node('Neg', ['x'], ['y'])], '"y" is defined twice'],
    ['defines an input again', [node('Neg', ['x'], ['x'])], '"x" is defined twice'],
    ['defines a weight again', [node('Neg', ['x'], ['w'])], '"w" is defined twice'],
    ['never defines its output', [node('Neg', ['x'], ['z'])], 'output "y"'],
  ])('that %s is refused', (_, nodes, message) => {
    expect(() => graphOf(nodes)).toThrow(invalid(message));
  });

  it('with two inputs or two weights of one name is refused', () => {
    expect(() => graphOf([node('Neg', ['x'], ['y'])], { inputs: [f32('x'), f32('x')] })).toThrow(
      invalid('"x" is defined twice'),
    );
    expect(() => graphOf([node('Neg', ['x'], ['y'])], { initializers: [one('w'), one('w')] })).toThrow(
      invalid('"w" is defined twice'),
    );
  });
});

describe('nodeLabel', () => {
  it('is the name, else the operator with its first output, else the operator', () => {
    expect(nodeLabel(node('Neg', ['x'], ['y'], {}, { name: 'n' }))).toBe('n');
    expect(nodeLabel(node('Neg', ['x'], ['', 'y']))).toBe('Neg:y');
    expect(nodeLabel(node('Neg', ['x'], []))).toBe('Neg');
  });
});
