import type { GraphProto, NodeProto } from './onnx_pb.js';
import { subgraphs } from './weights.js';

/**
 * Names of all values a node needs from its graph: its inputs (empty optional ones left out) and what its subgraphs
 * capture from outside (ONNX IR, "Graphs: names in subgraphs"). Each name once.
 */
export function neededValues(node: NodeProto): Set<string> {
  const needed = new Set(node.input);
  needed.delete('');
  for (const attribute of node.attribute) {
    for (const graph of subgraphs(attribute)) {
      for (const name of capturedValues(graph)) needed.add(name);
    }
  }
  return needed;
}

/** Names that a subgraph uses but does not define. */
function capturedValues(graph: GraphProto): Set<string> {
  const defined = new Set<string>();
  for (const input of graph.input) defined.add(input.name);
  for (const tensor of graph.initializer) defined.add(tensor.name);
  for (const sparse of graph.sparseInitializer) defined.add(sparse.values?.name ?? '');
  const captured = new Set<string>();
  for (const node of graph.node) {
    for (const name of neededValues(node)) if (!defined.has(name)) captured.add(name);
    for (const output of node.output) defined.add(output);
  }
  for (const output of graph.output) if (!defined.has(output.name)) captured.add(output.name);
  return captured;
}
