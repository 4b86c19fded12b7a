import { type Graph, nodeAt } from './graph.js';
import { nodeTensors, sparseParts, weightBytes } from './weights.js';

/** What it takes to compute a set of values. */
export interface FrontCost {
  /** Computed nodes; constants count as weights, not as nodes. */
  readonly nodes: number;
  /** Bytes of weights, each once: initializers, tensors in node attributes, tensors in functions that are called. */
  readonly weightBytes: number;
}

/** Something to compute or to have: a node, a weight or a function. */
interface Item {
  readonly needs: Item[];
  readonly node: boolean;
  readonly weightBytes: number;
  /** How many values and items ask for it now. */
  askers: number;
}

/**
 * Returns a function that gives the cost of a set of values. It keeps count of who asks for what from one call to the
 * next, so that a sweep over all cuts, whose sets change a little at a time, touches each edge of the graph a few times.
 */
export function makeFrontCost(graph: Graph): (values: readonly string[]) => FrontCost {
  const items = itemsBehindValues(graph);
  let current: readonly string[] = [];
  let nodes = 0;
  let bytes = 0;

  const ask = (values: readonly string[], step: 1 | -1): void => {
    const stack = values.map((value) => items.get(value)).filter((item) => item !== undefined);
    for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
      item.askers += step;
      const isFirstOrLast = item.askers === (step === 1 ? 1 : 0);
      if (!isFirstOrLast) continue;
      bytes += step * item.weightBytes;
      if (item.node) nodes += step;
      for (const needed of item.needs) stack.push(needed);
    }
  };

  return (values) => {
    // Asks for the new values first, so that what both sets need is never let go.
    ask(values, 1);
    ask(current, -1);
    current = [...values];
    return { nodes, weightBytes: bytes };
  };
}

function itemsBehindValues(graph: Graph): Map<string, Item> {
  const items = new Map<string, Item>();
  for (const [name, tensor] of graph.initializers) items.set(name, makeItem(weightBytes(tensor)));
  for (const [name, sparse] of graph.sparseInitializers) {
    items.set(name, makeItem(sparseParts(sparse).reduce((sum, tensor) => sum + weightBytes(tensor), 0)));
  }
  const functions = new Map(graph.model.functions.map((body) => [body, makeItem(attributeBytes(body.node))]));
  const called = (node: Parameters<Graph['functions']['calledBy']>[0]) =>
    graph.functions.calledBy(node).flatMap((body) => functions.get(body) ?? []);
  for (const [body, item] of functions) item.needs.push(...new Set(body.node.flatMap(called)));
  for (const index of graph.nodes.keys()) {
    const { proto, needs, gives, constant } = nodeAt(graph, index);
    const item = makeItem(attributeBytes([proto]), !constant);
    item.needs.push(...needs.flatMap((name) => items.get(name) ?? []), ...called(proto));
    for (const name of gives) items.set(name, item);
  }
  return items;
}

function makeItem(bytes: number, node = false): Item {
  return { needs: [], node, weightBytes: bytes, askers: 0 };
}

function attributeBytes(nodes: Iterable<Parameters<typeof nodeTensors>[0]>): number {
  let sum = 0;
  for (const node of nodes) for (const tensor of nodeTensors(node)) sum += weightBytes(tensor);
  return sum;
}
