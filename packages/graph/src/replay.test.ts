import { describe, expect, it } from 'vitest';
import { modelFunction, node } from './build.js';
import { weight } from './build-values.js';
import { crossings, cutsOf, f32, vector } from './cut-model.testing.js';
import type { ValueType } from './shapes.js';

const w = (name: string, elements = 10) => weight(name, 'f32', [elements], new Float32Array(elements));
const tensor = (dtype: 'f16' | 'u8' | 'i64', length: number): ValueType => ({
  kind: 'tensor',
  dtype,
  shape: [length],
  declared: [null],
});

describe('replacement', () => {
  const shape = weight('shape', 'i64', [1], new BigInt64Array(1));
  const initializers = [shape, w('scale')];

  it('sends the smaller tensor that a chain of casts and views is made of', () => {
    const list = cutsOf(
      [
        node('Quantize', ['x'], ['q']),
        node('DequantizeLinear', ['q', 'scale'], ['d']),
        node('Reshape', ['d', 'shape'], ['r']),
        node('Neg', ['r'], ['y']),
      ],
      { initializers },
      { q: tensor('u8', 10) },
    );
    expect(crossings(list)).toEqual([['x'], ['q'], ['q'], ['q'], []]);
    expect(list.cuts.map((cut) => cut.bytes)).toEqual([40, 10, 10, 10, 0]);
    // The view is computed behind the cut, so the front segment does not need it.
    expect(list.cuts.map((cut) => cut.frontNodes)).toEqual([0, 1, 1, 1, 4]);
  });

  it('does not go back behind a cast that made the tensor smaller', () => {
    const list = cutsOf(
      [
        node('Neg', ['x'], ['a']),
        node('Cast', ['a'], ['h']),
        node('Reshape', ['h', 'shape'], ['r']),
        node('Neg', ['r'], ['y']),
      ],
      { initializers },
      { h: tensor('f16', 10), r: tensor('f16', 10) },
    );
    expect(crossings(list)).toEqual([['x'], ['a'], ['h'], ['r'], []]);
  });

  it('sends what was expanded, with the shape where that is computed', () => {
    const list = cutsOf(
      [
        node('Neg', ['x'], ['a']),
        node('Shape', ['x'], ['n']),
        node('Expand', ['a', 'n'], ['e']),
        node('Neg', ['e'], ['y']),
      ],
      {},
      { e: vector(1000), n: tensor('i64', 1) },
    );
    expect(crossings(list).at(-2)?.sort()).toEqual(['a', 'n']);
    expect(list.cuts.at(-2)?.bytes).toBe(48);
  });

  it('keeps a view of several tensors where these together are not smaller', () => {
    const list = cutsOf(
      [
        node('Neg', ['x'], ['a']),
        node('Abs', ['x'], ['b']),
        node('Concat', ['a', 'b'], ['c']),
        node('Neg', ['c'], ['y']),
      ],
      {},
      { c: vector(20) },
    );
    expect(crossings(list).at(-2)).toEqual(['c']);
  });

  it('leaves out a view of tensors that cross anyway', () => {
    const list = cutsOf(
      [
        node('Neg', ['x'], ['a']),
        node('Abs', ['x'], ['b']),
        node('Concat', ['a', 'b'], ['c']),
        node('Reshape', ['c', 'shape'], ['r']),
        node('Neg', ['r'], ['d']),
        node('Add', ['d', 'a'], ['e']),
        node('Add', ['e', 'b'], ['y']),
      ],
      { initializers },
      { c: vector(20), r: vector(20) },
    );
    const afterReshape = list.cuts.find((cut) => cut.name === 'Reshape:r');
    expect(afterReshape?.tensors.map((item) => item.name)).toEqual(['a', 'b']);
  });

  it('leaves an operator of another domain, or one that the model defines itself, as it is', () => {
    const nodes = (domain: string) => [
      node('Neg', ['x'], ['a']),
      node('Expand', ['a', 'shape'], ['e'], {}, { domain }),
      node('Neg', ['e'], ['y']),
    ];
    const types = { e: vector(1000) };
    const own = modelFunction({
      domain: 'ai.onnx',
      name: 'Expand',
      inputs: ['a', 's'],
      outputs: ['b'],
      nodes: [node('Neg', ['a'], ['b'])],
    });
    const sent = (domain: string, functions = [own].slice(1)) =>
      crossings(cutsOf(nodes(domain), { initializers, functions }, types))[2];
    expect(sent('')).toEqual(['a']);
    expect(sent('ai.onnx')).toEqual(['a']);
    expect(sent('com.microsoft')).toEqual(['e']);
    expect(sent('', [own])).toEqual(['e']);
  });

  it('knows the DequantizeLinear of com.microsoft', () => {
    const list = cutsOf(
      [
        node('Quantize', ['x'], ['q']),
        node('DequantizeLinear', ['q', 'scale'], ['d'], {}, { domain: 'com.microsoft' }),
        node('Neg', ['d'], ['y']),
      ],
      { initializers },
      { q: tensor('u8', 10) },
    );
    expect(crossings(list)).toEqual([['x'], ['q'], ['q'], []]);
  });

  it('keeps a replaced view that is an answer on the agent', () => {
    const list = cutsOf(
      [node('Quantize', ['x'], ['q']), node('Cast', ['q'], ['d']), node('Neg', ['d'], ['y'])],
      { outputs: [f32('d'), f32('y')] },
      { q: tensor('u8', 10) },
    );
    expect(crossings(list)).toEqual([['x'], ['q'], ['q'], []]);
    expect(list.cuts.map((cut) => cut.frontNodes)).toEqual([0, 1, 2, 3]);
  });

  it('makes a cut legal where a view that cannot cross is made of what can', () => {
    const list = cutsOf(
      [node('Neg', ['x'], ['a']), node('Cast', ['a'], ['text']), node('StringOp', ['text'], ['y'])],
      {},
      { text: { kind: 'other', what: 'a text tensor' } },
    );
    expect(crossings(list)).toEqual([['x'], ['a'], ['a'], []]);
  });
});
