import { type Graph, nodeAt } from './graph.js';
import type { CutOrder } from './order.js';

/**
 * For each output of the model, the position of the cut order from which on it is known. Outputs that no node of the
 * order gives (model inputs, weights, constants) are known from the start.
 */
export function answerPositions(graph: Graph, order: CutOrder): Map<string, number> {
  const positions = new Map(graph.outputs.map((output) => [output.name, 0]));
  for (const [position, index] of order.entries()) {
    for (const name of nodeAt(graph, index).gives) if (positions.has(name)) positions.set(name, position + 1);
  }
  return positions;
}

/** The outputs that become known after position `after` and up to position `upTo` of the cut order. */
export function answersBetween(positions: ReadonlyMap<string, number>, after: number, upTo: number): string[] {
  return [...positions].filter(([, position]) => position > after && position <= upTo).map(([name]) => name);
}
