import { isDefaultDomain, type Model } from './model.js';
import type { FunctionProto, NodeProto } from './onnx_pb.js';
import { subgraphs } from './weights.js';

/** A model's functions (operators defined by other operators), indexed by who calls them. */
export interface Functions {
  /** The functions that a node or its subgraphs call, without those that these call in turn. */
  calledBy(node: NodeProto): FunctionProto[];
  /** The functions that nodes call, directly or through other functions, in the model's order. */
  usedBy(nodes: Iterable<NodeProto>): FunctionProto[];
}

export function indexFunctions(model: Model): Functions {
  const byKey = new Map(model.functions.map((body) => [functionKey(body, body.name), body]));
  const calledBy = (node: NodeProto): FunctionProto[] => {
    if (byKey.size === 0) return [];
    const called = [...nodesWithin(node)].map((inner) => byKey.get(functionKey(inner, inner.opType)));
    return [...new Set(called)].filter((body) => body !== undefined);
  };
  return {
    calledBy,
    usedBy(nodes) {
      const used = new Set<FunctionProto>();
      for (const node of nodes) for (const body of calledBy(node)) used.add(body);
      // A set yields what is added while it is walked.
      for (const body of used) for (const node of body.node) for (const inner of calledBy(node)) used.add(inner);
      return model.functions.filter((body) => used.has(body));
    },
  };
}

function functionKey({ domain, overload }: { domain: string; overload: string }, name: string): string {
  return JSON.stringify([isDefaultDomain(domain) ? '' : domain, name, overload]);
}

/** Two runs of these differ, so they are never treated as constants. `Dropout` is random where it is told to train. */
const randomOps = new Set([
  'Bernoulli',
  'Dropout',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

/** Returns a function that tells whether two runs of a node can differ, through its subgraphs or functions too. */
export function findRandomness(model: Model, functions: Functions): (node: NodeProto) => boolean {
  const callers = new Map<FunctionProto, FunctionProto[]>();
  for (const caller of model.functions) {
    for (const body of caller.node.flatMap(functions.calledBy)) {
      const known = callers.get(body);
      if (known === undefined) callers.set(body, [caller]);
      else known.push(caller);
    }
  }
  const random = new Set(model.functions.filter((body) => body.node.some(containsRandomOp)));
  // A set yields what is added while it is walked.
  for (const body of random) for (const caller of callers.get(body) ?? []) random.add(caller);
  return (node) => containsRandomOp(node) || functions.calledBy(node).some((body) => random.has(body));
}

function containsRandomOp(node: NodeProto): boolean {
  for (const inner of nodesWithin(node)) if (randomOps.has(inner.opType)) return true;
  return false;
}

/** A node and all nodes of its subgraphs. */
function* nodesWithin(node: NodeProto): Generator<NodeProto> {
  yield node;
  for (const graph of node.attribute.flatMap(subgraphs)) for (const inner of graph.node) yield* nodesWithin(inner);
}
