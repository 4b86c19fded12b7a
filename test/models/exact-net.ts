import { type NamedTensors, tensorOf } from '@cutpoint/core';
import { attribute, buildModel, type Model, node, type onnx, tensorValue, weight } from '@cutpoint/graph';

const same = { kernel_shape: attribute.ints([3, 3]), pads: attribute.ints([1, 1, 1, 1]) };

/**
 * A small network of whole numbers, and of averages over 16 of them: f32 holds each sum exactly, so that the answer is the
 * same bytes in whatever order a processor adds.
 */
export function exactModel(): Model {
  return buildModel({
    opset: 17,
    inputs: [tensorValue('x', 'f32', [1, 3, 8, 8])],
    outputs: [tensorValue('y', 'f32', [1, 10])],
    initializers: [wholes('w1', [8, 3, 3, 3]), wholes('w2', [8, 8, 3, 3]), wholes('w3', [8, 10])],
    nodes: [
      node('Conv', ['x', 'w1'], ['c1'], same, { name: 'c1' }),
      node('Relu', ['c1'], ['r1'], {}, { name: 'r1' }),
      node(
        'MaxPool',
        ['r1'],
        ['m1'],
        { kernel_shape: attribute.ints([2, 2]), strides: attribute.ints([2, 2]) },
        { name: 'm1' },
      ),
      node('Conv', ['m1', 'w2'], ['c2'], same, { name: 'c2' }),
      node('Relu', ['c2'], ['r2'], {}, { name: 'r2' }),
      node('GlobalAveragePool', ['r2'], ['g'], {}, { name: 'g' }),
      node('Flatten', ['g'], ['f'], {}, { name: 'f' }),
      node('MatMul', ['f', 'w3'], ['y'], {}, { name: 'y' }),
    ],
  });
}

/** An input of that network. */
export function exactInput(): NamedTensors {
  const shape = [1, 3, 8, 8];
  const pixels = Float32Array.from({ length: 192 }, (_, i) => ((i * 37) % 17) - 8);
  return new Map([['x', tensorOf('f32', shape, pixels)]]);
}

/** Weights from -2 to 2. */
function wholes(name: string, shape: readonly number[]): onnx.TensorProto {
  const length = shape.reduce((product, size) => product * size, 1);
  return weight(
    name,
    'f32',
    shape,
    Float32Array.from({ length }, (_, i) => ((i * 7 + (i >> 3)) % 5) - 2),
  );
}
