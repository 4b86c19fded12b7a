import { type Graph, nodeAt } from './graph.js';

/**
 * Nodes that must run to obtain `outputs` when the values in `given` are already there: indices into `graph.nodes`, in
 * the model's order, constants included.
 */
export function neededNodes(graph: Graph, outputs: Iterable<string>, given: ReadonlySet<string>): number[] {
  const needed = new Set<number>();
  const stack = [...outputs];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (given.has(value)) continue;
    const producer = graph.producers.get(value);
    if (producer === undefined || needed.has(producer)) continue;
    needed.add(producer);
    for (const name of nodeAt(graph, producer).needs) stack.push(name);
  }
  return [...needed].sort((a, b) => a - b);
}
