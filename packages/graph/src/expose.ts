import { create } from '@bufbuild/protobuf';
import { changed } from './changed.js';
import type { Graph } from './graph.js';
import type { Model } from './model.js';
import { type NodeProto, NodeProtoSchema, type ValueInfoProto, ValueInfoProtoSchema } from './onnx_pb.js';

/**
 * The model with other outputs: any of its values by name. Types are left to the runtime to infer.
 * Nodes and weights are shared with the original, not copied.
 */
export function exposeValues(model: Model, names: readonly string[]): Model {
  const own = new Map(model.graph.output.map((output) => [output.name, output]));
  return withOutputs(
    model,
    names.map((name) => own.get(name) ?? create(ValueInfoProtoSchema, { name })),
    [],
  );
}

/** Prefix of the outputs that `exposeShapes` adds. */
const shapeOutput = (index: number) => `cutpoint.shape.${index}`;

/**
 * The model with the shapes of values as its only outputs, so that one run tells every shape while the runtime frees
 * the values themselves as it goes: memory stays what a normal run takes.
 * @returns the model, and the output that holds the shape (i64 vector) of each value.
 */
export function exposeShapes(model: Model, names: readonly string[]): { model: Model; outputs: Map<string, string> } {
  const outputs = new Map(names.map((name, index) => [name, shapeOutput(index)]));
  const nodes = names.map((name, index) =>
    create(NodeProtoSchema, { opType: 'Shape', input: [name], output: [shapeOutput(index)] }),
  );
  const infos = [...outputs.values()].map((name) => create(ValueInfoProtoSchema, { name }));
  return { model: withOutputs(model, infos, nodes), outputs };
}

/** Names of all values that nodes of the graph compute, constants left out, in the model's order. */
export function computedValues(graph: Graph): string[] {
  return graph.nodes.filter((node) => !node.constant).flatMap((node) => node.gives);
}

function withOutputs(model: Model, output: ValueInfoProto[], extraNodes: NodeProto[]): Model {
  return changed(model, { graph: changed(model.graph, { node: [...model.graph.node, ...extraNodes], output }) });
}
