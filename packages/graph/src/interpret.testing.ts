import type { Model } from './model.js';
import type { GraphProto, NodeProto, TensorProto } from './onnx_pb.js';

/** Values are 32-bit integers; shapes do not matter here. */
export type Values = ReadonlyMap<string, number>;

/** Runs a model of a few integer operators strictly as written: what is not fed or computed is not there. */
export function interpret(model: Model, feeds: Values): Map<string, number> {
  for (const input of model.graph.input) if (!feeds.has(input.name)) throw new Error(`"${input.name}" is not fed`);
  const declared = new Set(model.graph.input.map((input) => input.name));
  const values = runGraph(model.graph, new Map([...feeds].filter(([name]) => declared.has(name))));
  return new Map(model.graph.output.map(({ name }) => [name, look(values, name)]));
}

function runGraph(graph: GraphProto, outer: Values): Map<string, number> {
  const values = new Map(outer);
  for (const tensor of graph.initializer) if (!outer.has(tensor.name)) values.set(tensor.name, firstElement(tensor));
  for (const node of graph.node) {
    const results = runNode(node, values);
    for (const [i, name] of node.output.entries()) values.set(name, results[i] ?? 0);
  }
  return values;
}

function runNode(node: NodeProto, values: Values): number[] {
  const [a = 0, b = 0] = node.input.filter((name) => name !== '').map((name) => look(values, name));
  const [first] = node.attribute;
  switch (node.opType) {
    case 'Add':
      return [(a + b) | 0];
    case 'Mul':
      return [Math.imul(a, b)];
    case 'Neg':
      return [-a | 0];
    case 'Identity':
    case 'SequenceConstruct':
    case 'SequenceAt':
    case 'Reshape':
    case 'Cast':
    case 'Expand':
      return [a];
    case 'Concat':
      return [Math.imul(a, 31) ^ b];
    case 'Split':
      return [a >> 3, a ^ 0x55];
    case 'TopK':
      return [Math.imul(a, 7), a - 1];
    case 'Constant':
      return [first?.t === undefined ? 0 : firstElement(first.t)];
    case 'If': {
      if (first?.g === undefined) throw new Error('An If has no body');
      const inner = runGraph(first.g, values);
      return first.g.output.map(({ name }) => look(inner, name));
    }
    default:
      throw new Error(`The interpreter does not know ${node.opType}`);
  }
}

function firstElement(tensor: TensorProto): number {
  return new DataView(tensor.rawData.buffer, tensor.rawData.byteOffset).getInt32(0, true);
}

function look(values: Values, name: string): number {
  const value = values.get(name);
  if (value === undefined) throw new Error(`"${name}" is not there`);
  return value;
}
