import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { modelFunction, node, subgraph } from './build.js';
import { attribute } from './build-attributes.js';
import { weight } from './build-values.js';
import { crossings, cutsOf, f32 } from './cut-model.testing.js';
import { listCuts } from './cuts.js';
import { SparseTensorProtoSchema } from './onnx_pb.js';
import type { ValueType } from './shapes.js';

const w = (name: string, elements = 10) => weight(name, 'f32', [elements], new Float32Array(elements));
const sequence: ValueType = { kind: 'other', what: 'a sequence' };

describe('listCuts', () => {
  it('lists every place from before the first node to after the last', () => {
    const list = cutsOf([node('Neg', ['x'], ['a'], {}, { name: 'first' }), node('Mul', ['a', 'w'], ['y'])], {
      initializers: [w('w')],
    });
    expect(list.cuts).toEqual([
      {
        index: 0,
        position: 0,
        name: 'input',
        tensors: [{ name: 'x', dtype: 'f32', shape: [10], bytes: 40 }],
        bytes: 40,
        frontNodes: 0,
        frontWeightBytes: 0,
      },
      {
        index: 1,
        position: 1,
        name: 'first',
        tensors: [{ name: 'a', dtype: 'f32', shape: [10], bytes: 40 }],
        bytes: 40,
        frontNodes: 1,
        frontWeightBytes: 0,
      },
      { index: 2, position: 2, name: 'output', tensors: [], bytes: 0, frontNodes: 2, frontWeightBytes: 40 },
    ]);
  });

  it('lets each value cross that is used later, several inputs included', () => {
    const list = cutsOf([node('Neg', ['x'], ['a']), node('Add', ['a', 'z'], ['b']), node('Add', ['b', 'a'], ['y'])], {
      inputs: [f32('x'), f32('z')],
    });
    expect(crossings(list)).toEqual([['x', 'z'], ['z', 'a'], ['a', 'b'], []]);
  });

  it('keeps an answer that is known early where it is, and sends it only if it is used', () => {
    const unused = cutsOf([node('Neg', ['x'], ['early']), node('Neg', ['x'], ['a']), node('Neg', ['a'], ['y'])], {
      outputs: [f32('early'), f32('y')],
    });
    expect(crossings(unused).flat()).not.toContain('early');
    expect(unused.cuts[1]?.frontNodes).toBe(1);
    const used = cutsOf([node('Neg', ['x'], ['early']), node('Neg', ['early'], ['y'])], {
      outputs: [f32('early'), f32('y')],
    });
    expect(crossings(used)).toEqual([['x'], ['early'], []]);
  });

  it('leaves out nodes that no output needs', () => {
    const list = cutsOf([node('Neg', ['x'], ['dead']), node('Neg', ['dead'], ['deader']), node('Abs', ['x'], ['y'])]);
    expect(list.cuts.map((cut) => cut.name)).toEqual(['input', 'output']);
    expect(list.order).toEqual([2]);
  });

  it('never sends weights or constants, and counts a weight that several nodes use once', () => {
    const list = cutsOf(
      [
        node('Constant', [], ['k'], { value: attribute.tensor(w('', 5)) }),
        node('Mul', ['x', 'w'], ['a']),
        node('Add', ['a', 'k'], ['b']),
        node('Mul', ['b', 'w'], ['c']),
        node('Add', ['c', 'k'], ['y']),
      ],
      { initializers: [w('w')] },
    );
    expect(crossings(list)).toEqual([['x'], ['a'], ['b'], ['c'], []]);
    expect(list.cuts.map((cut) => cut.frontWeightBytes)).toEqual([0, 40, 60, 60, 60]);
    expect(list.cuts.map((cut) => cut.frontNodes)).toEqual([0, 1, 2, 3, 4]);
  });

  it('counts weights in subgraphs, functions and sparse weights', () => {
    const domain = 'com.example';
    const constant = (elements: number) => node('Constant', [], ['k'], { value: attribute.tensor(w('', elements)) });
    const inner = modelFunction({
      domain,
      name: 'Inner',
      inputs: ['a'],
      outputs: ['b'],
      nodes: [constant(3), node('Add', ['a', 'k'], ['b'])],
    });
    const outer = modelFunction({
      domain,
      name: 'Outer',
      inputs: ['a'],
      outputs: ['b'],
      nodes: [constant(2), node('Inner', ['a'], ['t'], {}, { domain }), node('Add', ['t', 'k'], ['b'])],
    });
    const body = subgraph({
      inputs: [],
      outputs: [f32('r')],
      nodes: [node('Add', ['b', 'own'], ['r'])],
      initializers: [w('own', 7)],
    });
    const sparse = create(SparseTensorProtoSchema, {
      values: w('s', 2),
      indices: weight('', 'i64', [2], new BigInt64Array(2)),
      dims: [10n],
    });
    const list = cutsOf(
      [
        node('Outer', ['x'], ['a'], {}, { domain }),
        node('Outer', ['a'], ['b'], {}, { domain }),
        node('If', ['c'], ['d'], { then_branch: attribute.graph(body) }),
        node('MatMul', ['d', 's'], ['y']),
      ],
      {
        functions: [outer, inner],
        initializers: [weight('c', 'bool', [], new Uint8Array(1))],
        sparseInitializers: [sparse],
      },
    );
    expect(list.cuts.map((cut) => cut.frontWeightBytes)).toEqual([0, 20, 20, 20 + 28 + 1, 49 + 24]);
  });

  it('sends what the subgraphs behind the cut capture', () => {
    const body = subgraph({
      inputs: [f32('i'), f32('c'), f32('s')],
      outputs: [f32('c'), f32('r')],
      nodes: [node('Add', ['s', 'a'], ['t']), node('Mul', ['t', 'w'], ['r'])],
    });
    const list = cutsOf(
      [
        node('Neg', ['x'], ['a']),
        node('Abs', ['x'], ['b']),
        node('Loop', ['', '', 'b'], ['y'], { body: attribute.graph(body) }),
      ],
      { initializers: [w('w')] },
    );
    expect(crossings(list).at(-2)).toEqual(expect.arrayContaining(['a', 'b']));
    expect(list.cuts.at(-1)?.frontWeightBytes).toBe(40);
  });

  it('allows no cut where something crosses that is not a tensor', () => {
    const list = cutsOf(
      [node('SplitToSequence', ['x'], ['s']), node('SequenceAt', ['s', 'i'], ['a']), node('Neg', ['a'], ['y'])],
      { initializers: [w('i')] },
      { s: sequence },
    );
    expect(crossings(list)).toEqual([['x'], ['a'], []]);
    expect(list.cuts.map((cut) => [cut.index, cut.position])).toEqual([
      [0, 0],
      [1, 2],
      [2, 3],
    ]);
  });

  it('does not let random values cross as if they were constants', () => {
    const list = cutsOf([
      node('RandomNormal', [], ['r'], { shape: attribute.ints([10]) }),
      node('Add', ['x', 'r'], ['y']),
    ]);
    expect(crossings(list)).toEqual([['x'], ['x', 'r'], []]);
  });

  it('follows one branch to its end where the model lists branches in turns', () => {
    const list = cutsOf([
      node('Neg', ['x'], ['a1']),
      node('Neg', ['x'], ['b1']),
      node('Neg', ['x'], ['c1']),
      node('ReduceSum', ['a1'], ['a2']),
      node('ReduceSum', ['b1'], ['b2']),
      node('ReduceSum', ['c1'], ['c2']),
      node('Add', ['a2', 'b2'], ['d']),
      node('Add', ['d', 'c2'], ['y']),
    ]);
    expect(Math.max(...crossings(list).map((names) => names.length))).toBe(3);
    // In the model's own order it would be 20.
    expect(crossings(list).flat()).toHaveLength(17);
  });

  it('says which input has no known type', () => {
    const { graph } = cutsOf([node('Neg', ['x'], ['y'])]);
    expect(() => listCuts(graph, new Map())).toThrow(
      expect.objectContaining({ code: 'CUT_SHAPES', message: expect.stringContaining('"x"') }),
    );
  });

  it.each([2000, 10_000])('lists the cuts of %i nodes quickly, deep or wide', (count) => {
    const weights = Array.from({ length: count / 2 }, (_, i) => w(`w${i}`, 1));
    const deep = Array.from({ length: count }, (_, i) =>
      node(
        i % 2 ? 'Mul' : 'Neg',
        [i === 0 ? 'x' : `v${i - 1}`, ...(i % 2 ? [`w${(i - 1) / 2}`] : [])],
        [i === count - 1 ? 'y' : `v${i}`],
      ),
    );
    const half = count / 2;
    const branches = weights.map((_, i) => node('Mul', ['x', `w${i}`], [`v${i}`]));
    const sums = Array.from({ length: half }, (_, i) =>
      node('Add', [i === 0 ? 'x' : `s${i - 1}`, `v${i}`], [i === half - 1 ? 'y' : `s${i}`]),
    );
    for (const nodes of [deep, [...branches, ...sums]]) {
      const started = performance.now();
      expect(cutsOf(nodes, { initializers: weights }).cuts).toHaveLength(count + 1);
      // Many times what it takes (tens of milliseconds), so that a busy machine passes and a quadratic sweep does not.
      expect(performance.now() - started).toBeLessThan(count);
    }
  });
});
