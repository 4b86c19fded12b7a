import { byteLength, elementCount } from '@cutpoint/core';
import type { Graph, GraphNode, ShapeTable } from '@cutpoint/graph';
import { weightShape } from './weight-shape.js';

/**
 * Kinds of work. Each has a rate of its own on a device: one number cannot tell what a pointwise convolution, a
 * depthwise one and a copy take.
 */
export const workKinds = [
  'spatial',
  'pointwise',
  'depthwise',
  'matmul',
  'quantised',
  'weights',
  'bytes',
  'maths',
  'fused',
  'nodes',
] as const;
export type WorkKind = (typeof workKinds)[number];

/**
 * Milliseconds per unit of work on a middling processor core. Only their relation matters, and only until measurements
 * tell otherwise: assumptions of the right order of magnitude.
 */
const assumedMs: Readonly<Record<WorkKind, number>> = {
  // Floating point operations.
  spatial: 1 / 30e6,
  pointwise: 1 / 30e6,
  depthwise: 1 / 8e6,
  matmul: 1 / 30e6,
  quantised: 1 / 60e6,
  // Bytes.
  weights: 1 / 10e6,
  bytes: 1 / 8e6,
  // Elements through an exponential or the like.
  maths: 1 / 0.5e6,
  // Bytes of what is likely computed together with the node before.
  fused: 1 / 80e6,
  // Nodes.
  nodes: 0.004,
};

/** What one node does: assumed milliseconds by kind, in the order of `workKinds`. */
export type Work = readonly number[];

export const noWork: Work = workKinds.map(() => 0);

/** What a byte costs that is read or written, in assumed milliseconds. */
export const assumedByteMs = assumedMs.bytes;

const views = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Dropout', 'Shape', 'Constant']);
const heavy = new Set(
  [
    'Exp',
    'Log',
    'Erf',
    'Tanh',
    'Sigmoid',
    'Softmax',
    'LogSoftmax',
    'Pow',
    'Gelu',
    'FastGelu',
    'QuickGelu',
    'Softplus',
  ].concat(['LayerNormalization', 'SkipLayerNormalization', 'Elu', 'Selu', 'Sin', 'Cos', 'Mish']),
);
const convolutions = new Set(['Conv', 'FusedConv', 'QLinearConv', 'ConvInteger']);
const products = new Set(['MatMul', 'FusedMatMul', 'Gemm', 'QLinearMatMul', 'MatMulInteger', 'QGemm', 'MatMulNBits']);
const recurrent = new Set(['LSTM', 'GRU', 'RNN']);
const quantised = new Set(['QLinearConv', 'ConvInteger', 'QLinearMatMul', 'MatMulInteger', 'QGemm', 'MatMulNBits']);
/** What the runtime computes in the same pass as a convolution or product before it. */
const fusable = new Set(['Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'Tanh', 'HardSigmoid', 'BatchNormalization', 'Add']);

/** Tells what nodes of a graph do, given the shapes of its values. */
export interface NodeCosts {
  of(node: GraphNode): Work;
  /** True if the runtime likely computes the node together with the one before it. */
  isFused(node: GraphNode): boolean;
  /** Bytes that the node reads and writes, weights left out. */
  movedBytes(node: GraphNode): number;
}

export function makeNodeCosts(graph: Graph, shapes: ShapeTable): NodeCosts {
  const users = countUsers(graph);
  const shapeOf = (value: string | undefined): readonly number[] => {
    const type = shapes.get(value ?? '');
    return type?.kind === 'tensor' ? type.shape : weightShape(graph, value);
  };
  const bytesOf = (value: string): number => {
    const type = shapes.get(value);
    return type?.kind === 'tensor' ? byteLength(type.dtype, type.shape) : 0;
  };
  const movedBytes = ({ needs, gives }: GraphNode) =>
    [...needs.filter((value) => !graph.isConstant(value)), ...gives].reduce((sum, value) => sum + bytesOf(value), 0);
  const isFused = ({ proto, needs }: GraphNode): boolean => {
    if (!fusable.has(proto.opType)) return false;
    const [only, ...more] = needs.filter((value) => !graph.isConstant(value));
    const producer = graph.nodes[graph.producers.get(only ?? '') ?? -1];
    if (only === undefined || more.length > 0 || producer === undefined || users.get(only) !== 1) return false;
    return convolutions.has(producer.proto.opType) || products.has(producer.proto.opType) || isFused(producer);
  };
  const of = (node: GraphNode): Work => {
    const { opType, input } = node.proto;
    const output = elementCount(shapeOf(node.gives[0]));
    if (views.has(opType)) return noWork;
    if (convolutions.has(opType) || opType === 'ConvTranspose') {
      const kernel = shapeOf(input[opType === 'QLinearConv' ? 3 : 1]);
      const elements = opType === 'ConvTranspose' ? elementCount(shapeOf(input[0])) : output;
      const flops = 2 * elements * elementCount(kernel.slice(1));
      return work({ [convolutionKind(opType, kernel)]: flops, weights: 4 * elementCount(kernel), nodes: 1 });
    }
    if (products.has(opType)) {
      const weights = node.needs.filter((value) => graph.isConstant(value)).map(shapeOf);
      const largest = Math.max(0, ...weights.map(elementCount));
      const flops = 2 * output * innerSize(opType, input.map(shapeOf), shapeOf(node.gives[0]));
      return work({ [quantised.has(opType) ? 'quantised' : 'matmul']: flops, weights: 4 * largest, nodes: 1 });
    }
    if (recurrent.has(opType)) {
      const weights = elementCount(shapeOf(input[1])) + elementCount(shapeOf(input[2]));
      const [steps = 1, batch = 1] = shapeOf(input[0]);
      return work({ matmul: 2 * weights * steps * batch, weights: 4 * weights, nodes: 1 });
    }
    if (isFused(node)) return work({ fused: movedBytes(node) });
    return work({ bytes: movedBytes(node), maths: heavy.has(opType) ? output : 0, nodes: 1 });
  };
  return { of, isFused, movedBytes };
}

/** Elements of the sums that a product of matrices computes. */
function innerSize(op: string, inputs: readonly (readonly number[])[], output: readonly number[]): number {
  if (op !== 'Gemm' && op !== 'QGemm') return inputs[0]?.at(-1) ?? 1;
  return elementCount(inputs[op === 'QGemm' ? 3 : 1] ?? []) / Math.max(1, output.at(-1) ?? 1);
}

function convolutionKind(op: string, kernel: readonly number[]): WorkKind {
  if (quantised.has(op)) return 'quantised';
  if (kernel[1] === 1 && (kernel[0] ?? 1) > 1) return 'depthwise';
  return elementCount(kernel.slice(2)) === 1 ? 'pointwise' : 'spatial';
}

function work(amounts: Partial<Record<WorkKind, number>>): Work {
  return workKinds.map((kind) => (amounts[kind] ?? 0) * assumedMs[kind]);
}

function countUsers(graph: Graph): Map<string, number> {
  const users = new Map<string, number>();
  const values = [...graph.nodes.flatMap(({ needs }) => needs), ...graph.outputs.map(({ name }) => name)];
  for (const value of values) users.set(value, (users.get(value) ?? 0) + 1);
  return users;
}
