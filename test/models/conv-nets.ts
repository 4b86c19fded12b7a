import { attribute, buildModel, type Model, node, tensorValue, weight } from '@cutpoint/graph';
import { f16Weight, f32Weight } from './values.js';

const same = { kernel_shape: attribute.ints([3, 3]), pads: attribute.ints([1, 1, 1, 1]) };

/** A small residual network in f16, input to output. */
export function halfModel(): Model {
  return buildModel({
    opset: 17,
    inputs: [tensorValue('x', 'f16', [1, 3, 16, 16])],
    outputs: [tensorValue('y', 'f16', [1, 10])],
    initializers: [
      f16Weight('w1', [8, 3, 3, 3]),
      f16Weight('w2', [8, 8, 3, 3]),
      f16Weight('w3', [8, 8, 3, 3]),
      f16Weight('w4', [8, 10]),
    ],
    nodes: [
      node('Conv', ['x', 'w1'], ['c1'], same),
      node('Relu', ['c1'], ['r1']),
      node('Conv', ['r1', 'w2'], ['c2'], same),
      node('Sigmoid', ['c2'], ['s2']),
      node('Mul', ['c2', 's2'], ['m2']),
      node('Conv', ['m2', 'w3'], ['c3'], same),
      node('Add', ['c3', 'r1'], ['a3']),
      node('GlobalAveragePool', ['a3'], ['g']),
      node('Flatten', ['g'], ['f']),
      node('MatMul', ['f', 'w4'], ['y']),
    ],
  });
}

/** Pixels in, preprocessed inside the model: casts and views that a cut replaces by the u8 pixels. */
export function pixelModel(): Model {
  return buildModel({
    opset: 13,
    inputs: [tensorValue('pixels', 'u8', ['N', 16, 16, 3])],
    outputs: [tensorValue('y', 'f32', ['N', 8])],
    initializers: [
      f32Weight('w1', [8, 3, 3, 3]),
      weight('scale', 'f32', [], new Float32Array([1 / 255])),
      weight('qscale', 'f32', [], new Float32Array([0.02])),
      weight('qzero', 'u8', [], new Uint8Array([3])),
    ],
    nodes: [
      node('Cast', ['pixels'], ['float'], { to: attribute.int(1) }, { name: 'cast' }),
      node('Transpose', ['float'], ['chw'], { perm: attribute.ints([0, 3, 1, 2]) }, { name: 'chw' }),
      node('Mul', ['chw', 'scale'], ['scaled'], {}, { name: 'scale' }),
      node('Conv', ['scaled', 'w1'], ['c1'], same, { name: 'conv' }),
      node('QuantizeLinear', ['c1', 'qscale', 'qzero'], ['q1'], {}, { name: 'quantise' }),
      node('DequantizeLinear', ['q1', 'qscale', 'qzero'], ['d1'], {}, { name: 'dequantise' }),
      node('Relu', ['d1'], ['r1'], {}, { name: 'relu' }),
      node('GlobalAveragePool', ['r1'], ['g'], {}, { name: 'pool' }),
      node('Flatten', ['g'], ['y'], {}, { name: 'flatten' }),
    ],
  });
}
