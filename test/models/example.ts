import { attribute, buildModel, type Model, node, tensorValue, weight } from '@cutpoint/graph';

const axis0 = weight('axis0', 'i64', [1], new BigInt64Array([0n]));
const axis1 = weight('axis1', 'i64', [1], new BigInt64Array([1n]));
const f32 = { to: attribute.int(1) };

/**
 * The model of the examples in the Open Inference Protocol: UINT32[2, 2] and BOOL[3] in, FP32[3, 2] out. Each row of its
 * output is the sum of the rows of input0, plus one where input1 is true.
 */
export function exampleModel(): Model {
  return buildModel({
    opset: 13,
    inputs: [tensorValue('input0', 'u32', [2, 2]), tensorValue('input1', 'bool', [3])],
    outputs: [tensorValue('output0', 'f32', [3, 2])],
    initializers: [axis0, axis1],
    nodes: [
      node('Cast', ['input0'], ['numbers'], f32),
      node('ReduceSum', ['numbers', 'axis0'], ['sums'], { keepdims: attribute.int(1) }),
      node('Cast', ['input1'], ['ones'], f32),
      node('Unsqueeze', ['ones', 'axis1'], ['column']),
      node('Add', ['column', 'sums'], ['output0']),
    ],
  });
}
