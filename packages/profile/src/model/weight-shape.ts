import type { Graph } from '@cutpoint/graph';

/** What gives its first input's shape. */
const keepers = new Set(['Identity', 'Cast', 'DequantizeLinear', 'QuantizeLinear']);

/** The shape of a weight: of an initializer, of a Constant node (as Paddle exports them), or of what was made of one. */
export function weightShape(graph: Graph, value: string | undefined): readonly number[] {
  const name = value ?? '';
  const own = graph.initializers.get(name)?.dims;
  if (own !== undefined) return own.map(Number);
  const maker = graph.nodes[graph.producers.get(name) ?? -1]?.proto;
  if (maker?.opType === 'Constant') {
    return maker.attribute.find((attribute) => attribute.name === 'value')?.t?.dims.map(Number) ?? [];
  }
  // Graphs have no cycles, so this ends.
  return maker !== undefined && keepers.has(maker.opType) ? weightShape(graph, maker.input[0]) : [];
}
