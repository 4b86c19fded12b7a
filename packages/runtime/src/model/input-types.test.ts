import { tensorOf } from '@cutpoint/core';
import { buildModel, indexGraph, node, tensorValue, weight } from '@cutpoint/graph';
import { describe, expect, it } from 'vitest';
import { concreteInputs, dimsOfInputs, inputSpecs } from './input-types.js';

const specs = [
  { name: 'image', dtype: 'f32' as const, shape: ['N', 3, null, 'W'] },
  { name: 'ids', dtype: 'i64' as const, shape: ['N', 'W'] },
];

describe('inputSpecs', () => {
  it('leaves out inputs that have a default value', () => {
    const model = buildModel({
      inputs: [tensorValue('x', 'f32', [2]), tensorValue('w', 'f32', [2])],
      outputs: [tensorValue('y', 'f32', [2])],
      nodes: [node('Add', ['x', 'w'], ['y'])],
      initializers: [weight('w', 'f32', [2], new Float32Array(2))],
    });
    expect(inputSpecs(indexGraph(model))).toEqual([{ name: 'x', dtype: 'f32', shape: [2] }]);
  });
});

describe('concreteInputs', () => {
  it('sizes dimensions by name or position, and assumes and reports the rest', () => {
    const { inputs, assumed } = concreteInputs(specs, new Map([['image.2', 48]]));
    expect(inputs.map(({ shape }) => shape)).toEqual([
      [1, 3, 48, 224],
      [1, 224],
    ]);
    expect(assumed).toEqual([
      { name: 'N', size: 1 },
      { name: 'W', size: 224 },
    ]);
  });

  it('gives dimensions of one name one size', () => {
    const { inputs } = concreteInputs(specs, new Map([['W', 7]]));
    expect(inputs.map(({ shape }) => shape.at(-1))).toEqual([7, 7]);
  });

  it('refuses a name that the model does not have, and names those it has', () => {
    expect(() => concreteInputs(specs, new Map([['H', 1]]))).toThrow('no free dimension "H": it has N, image.2, W.');
  });
});

describe('sizes', () => {
  it('of 0 are sizes, not free dimensions', () => {
    const model = buildModel({
      inputs: [tensorValue('x', 'f32', [0, 4])],
      outputs: [tensorValue('y', 'f32', [0, 4])],
      nodes: [node('Relu', ['x'], ['y'])],
    });
    expect(inputSpecs(indexGraph(model))).toEqual([{ name: 'x', dtype: 'f32', shape: [0, 4] }]);
  });

  it('that no machine holds are refused', () => {
    expect(() => concreteInputs(specs, new Map([['N', 1e14]]))).toThrow(
      'more than 4 GB: set smaller sizes with --dim.',
    );
  });
});

describe('dimsOfInputs', () => {
  const ids = tensorOf('i64', [2, 4], new BigInt64Array(8));
  const image = tensorOf('f32', [2, 3, 5, 4], new Float32Array(120));

  it('reads the sizes of free dimensions from given tensors', () => {
    const dims = dimsOfInputs(
      specs,
      new Map([
        ['image', image],
        ['ids', ids],
      ]),
    );
    expect([...dims]).toEqual([
      ['N', 2],
      ['image.2', 5],
      ['W', 4],
    ]);
  });

  it.each([
    ['a missing input', new Map([['image', image]]), 'The input "ids" must be i64[N, W], but is missing.'],
    [
      'a wrong type',
      new Map([
        ['image', image],
        ['ids', { ...ids, dtype: 'u64' as const }],
      ]),
      'but is u64[2, 4]',
    ],
    [
      'a wrong rank',
      new Map([
        ['image', image],
        ['ids', { ...ids, shape: [8] }],
      ]),
      'but is i64[8]',
    ],
    ['an unknown name', new Map([['picture', image]]), 'no input "picture": its inputs are "image", "ids".'],
  ])('refuses %s', (_, given, message) => {
    expect(() => dimsOfInputs(specs, given)).toThrow(message);
  });
});
