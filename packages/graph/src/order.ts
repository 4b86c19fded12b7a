import { type Graph, nodeAt } from './graph.js';
import { neededNodes } from './needed.js';

/** Nodes that compute something an output needs, as indices into `graph.nodes`, in an order that can be cut. */
export type CutOrder = readonly number[];

/** The nodes to order (by position in `live`) and the values between them, as dense indices. */
interface Dependencies {
  /** The nodes in the model's own order, as indices into `graph.nodes`. */
  readonly live: readonly number[];
  /** Values that each node uses and gives. */
  readonly uses: readonly (readonly number[])[];
  readonly gives: readonly (readonly number[])[];
  /** Nodes that use each value; the last one frees it. */
  readonly users: readonly (readonly number[])[];
  /** Values that no node gives: the model's inputs. */
  readonly given: ReadonlySet<number>;
}

/**
 * A topological order of the nodes that the outputs need (constants left out) in which few values cross each cut.
 * Finding the best order is NP-hard (minimum cut linear arrangement), so the better of two is taken: the model's own
 * order, and a greedy one that always runs the ready node which leaves the fewest values alive. It depends on the model
 * alone, never on shapes, so that agent and server count cuts alike.
 */
export function cutOrder(graph: Graph): CutOrder {
  const dependencies = findDependencies(graph);
  const own = dependencies.live.map((_, position) => position);
  const greedy = greedyOrder(dependencies);
  const best = crossingSum(dependencies, greedy) < crossingSum(dependencies, own) ? greedy : own;
  return best.map((position) => at(dependencies.live, position));
}

function findDependencies(graph: Graph): Dependencies {
  const live = liveNodes(graph);
  const indices = new Map<string, number>();
  const users: number[][] = [];
  const indexOf = (name: string): number => {
    const known = indices.get(name) ?? users.length;
    if (known === users.length) {
      indices.set(name, known);
      users.push([]);
    }
    return known;
  };
  const uses: number[][] = [];
  const gives: number[][] = [];
  for (const [position, index] of live.entries()) {
    const node = nodeAt(graph, index);
    const used = node.needs.filter((name) => !graph.isConstant(name)).map(indexOf);
    for (const value of used) users[value]?.push(position);
    uses.push(used);
    gives.push(node.gives.map(indexOf));
  }
  const given = new Set(graph.inputs.flatMap((input) => indices.get(input.name) ?? []));
  return { live, uses, gives, users, given };
}

/** Non-constant nodes that some output depends on, in the model's order. */
function liveNodes(graph: Graph): number[] {
  const outputs = graph.outputs.map((output) => output.name);
  return neededNodes(graph, outputs, new Set()).filter((index) => !nodeAt(graph, index).constant);
}

/** Always runs the ready node that makes the number of living values grow least. */
function greedyOrder({ live, uses, gives, users, given }: Dependencies): number[] {
  const remaining = users.map((nodes) => nodes.length);
  const pending = uses.map((values) => values.filter((value) => !given.has(value)).length);
  const growth = live.map((_, node) => {
    const born = at(gives, node).filter((value) => at(users, value).length > 0).length;
    return born - at(uses, node).filter((value) => remaining[value] === 1).length;
  });
  const isReady = (node: number) => pending[node] === 0;
  const ready = makeReadyList(growth);
  // Last first, so that among equals the model's own order decides.
  for (const node of [...live.keys()].reverse()) if (isReady(node)) ready.add(node);
  const order: number[] = [];
  for (let node = ready.take(); node !== undefined; node = ready.take()) {
    order.push(node);
    for (const value of at(uses, node)) {
      const left = at(remaining, value) - 1;
      remaining[value] = left;
      if (left !== 1) continue;
      // One user is left and will free the value. For those that ran already, growth no longer matters.
      for (const user of at(users, value)) {
        growth[user] = at(growth, user) - 1;
        if (isReady(user)) ready.add(user);
      }
    }
    for (const user of at(gives, node).flatMap((value) => at(users, value))) {
      pending[user] = at(pending, user) - 1;
      if (isReady(user)) ready.add(user);
    }
  }
  return order;
}

/**
 * Ready nodes, sorted by growth into stacks: among equals the latest comes first, which follows one branch to its end.
 * A node whose growth fell is added again; its older entry is skipped when it comes up.
 */
function makeReadyList(growth: readonly number[]) {
  const stacks = new Map<number, number[]>();
  const taken = new Set<number>();
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  return {
    add(node: number): void {
      const key = at(growth, node);
      const stack = stacks.get(key);
      if (stack === undefined) stacks.set(key, [node]);
      else stack.push(node);
      least = Math.min(least, key);
      most = Math.max(most, key);
    },
    take(): number | undefined {
      for (; least <= most; least++) {
        const stack = stacks.get(least) ?? [];
        for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
          if (taken.has(node) || growth[node] !== least) continue;
          taken.add(node);
          return node;
        }
      }
      return undefined;
    },
  };
}

/** Sum over all cuts of the number of values that cross. */
function crossingSum({ uses, gives, users, given }: Dependencies, order: readonly number[]): number {
  const remaining = users.map((nodes) => nodes.length);
  let alive = given.size;
  let sum = alive;
  for (const node of order) {
    for (const value of at(uses, node)) {
      const left = at(remaining, value) - 1;
      remaining[value] = left;
      if (left === 0) alive--;
    }
    alive += at(gives, node).filter((value) => at(users, value).length > 0).length;
    sum += alive;
  }
  return sum;
}

/** The element at an index that is known to exist. */
function at<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined) throw new RangeError(`There is no element ${index}.`);
  return element;
}
