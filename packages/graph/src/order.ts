import type { Graph } from './graph.js';

/** Nodes that compute something an output needs, as indices into `graph.nodes`, in an order that can be cut. */
export type CutOrder = readonly number[];

interface Dependencies {
  /** The nodes to order, in the model's own order. */
  readonly live: readonly number[];
  /** Values (by dense index) each node uses and gives; the last use frees a value. */
  readonly uses: ReadonlyMap<number, readonly number[]>;
  readonly gives: ReadonlyMap<number, readonly number[]>;
  readonly userCount: readonly number[];
  readonly users: readonly (readonly number[])[];
}

/**
 * A topological order of the nodes that the outputs need (constants left out) in which few values cross each cut.
 * Finding the best order is NP-hard (minimum cut linear arrangement), so the better of two is taken: the model's own
 * order, and a greedy one that always runs the ready node which leaves the fewest values alive. It depends on the model
 * alone, never on shapes, so that agent and server count cuts alike.
 */
export function cutOrder(graph: Graph): CutOrder {
  const dependencies = findDependencies(graph);
  const greedy = greedyOrder(dependencies);
  return crossingSum(dependencies, greedy) < crossingSum(dependencies, dependencies.live) ? greedy : dependencies.live;
}

function findDependencies(graph: Graph): Dependencies {
  const live = liveNodes(graph);
  const valueIndex = new Map<string, number>();
  const userCount: number[] = [];
  const users: number[][] = [];
  const indexOf = (name: string): number => {
    const known = valueIndex.get(name);
    if (known !== undefined) return known;
    valueIndex.set(name, userCount.length);
    userCount.push(0);
    users.push([]);
    return userCount.length - 1;
  };
  const uses = new Map<number, number[]>();
  const gives = new Map<number, number[]>();
  for (const node of live) {
    const { needs, gives: given } = nodeAt(graph, node);
    const used = needs.filter((name) => !graph.isConstant(name)).map(indexOf);
    for (const value of used) {
      userCount[value] = (userCount[value] ?? 0) + 1;
      users[value]?.push(node);
    }
    uses.set(node, used);
    gives.set(node, given.map(indexOf));
  }
  return { live, uses, gives, userCount, users };
}

/** Non-constant nodes that some output depends on, in the model's order. */
function liveNodes(graph: Graph): number[] {
  const live = new Set<number>();
  const stack = graph.outputs.map((output) => output.name);
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    const producer = graph.producers.get(value);
    if (producer === undefined || graph.isConstant(value) || live.has(producer)) continue;
    live.add(producer);
    stack.push(...nodeAt(graph, producer).needs);
  }
  return [...live].sort((a, b) => a - b);
}

function greedyOrder({ live, uses, gives, userCount, users }: Dependencies): number[] {
  const remaining = [...userCount];
  const pending = new Map<number, number>();
  const produced = new Set(live.flatMap((node) => gives.get(node) ?? []));
  for (const node of live) {
    pending.set(node, (uses.get(node) ?? []).filter((value) => produced.has(value)).length);
  }
  const ready = live.filter((node) => pending.get(node) === 0);
  const order: number[] = [];
  // How many more values are alive after the node ran than before.
  const growth = (node: number): number => {
    const born = (gives.get(node) ?? []).filter((value) => (userCount[value] ?? 0) > 0).length;
    const freed = (uses.get(node) ?? []).filter((value) => remaining[value] === 1).length;
    return born - freed;
  };
  while (ready.length > 0) {
    const position = bestPosition(ready, growth);
    const [node] = ready.splice(position, 1);
    if (node === undefined) break;
    order.push(node);
    for (const value of uses.get(node) ?? []) remaining[value] = (remaining[value] ?? 0) - 1;
    for (const value of gives.get(node) ?? []) {
      for (const user of users[value] ?? []) {
        const left = (pending.get(user) ?? 0) - 1;
        pending.set(user, left);
        if (left === 0) ready.push(user);
      }
    }
  }
  return order;
}

/** The position with the least growth; among equals the latest that became ready, which follows one branch to its end. */
function bestPosition(ready: readonly number[], growth: (node: number) => number): number {
  let best = ready.length - 1;
  let least = Number.POSITIVE_INFINITY;
  for (let position = ready.length - 1; position >= 0; position--) {
    const node = ready[position];
    const grown = node === undefined ? Number.POSITIVE_INFINITY : growth(node);
    if (grown < least) [best, least] = [position, grown];
  }
  return best;
}

/** Sum over all cuts of the number of values that cross. */
function crossingSum({ uses, gives, userCount }: Dependencies, order: readonly number[]): number {
  const remaining = [...userCount];
  const produced = new Set([...gives.values()].flat());
  let alive = userCount.filter((count, value) => count > 0 && !produced.has(value)).length;
  let sum = alive;
  for (const node of order) {
    for (const value of uses.get(node) ?? []) {
      remaining[value] = (remaining[value] ?? 0) - 1;
      if (remaining[value] === 0) alive--;
    }
    alive += (gives.get(node) ?? []).filter((value) => (userCount[value] ?? 0) > 0).length;
    sum += alive;
  }
  return sum;
}

/** A node by index. */
export function nodeAt(graph: Graph, index: number): Graph['nodes'][number] {
  const node = graph.nodes[index];
  if (node === undefined) throw new RangeError(`There is no node ${index}.`);
  return node;
}
