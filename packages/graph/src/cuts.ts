import type { DType } from '@cutpoint/core';
import { type Graph, nodeLabel } from './graph.js';
import { neededNodes } from './needed.js';
import { type CutOrder, cutOrder, nodeAt } from './order.js';
import { makeReplay } from './replay.js';
import { type ShapeTable, tensorType, valueBytes } from './shapes.js';
import { nodeTensors, weightBytes } from './weights.js';

/** A tensor that crosses a cut. */
export interface CrossingTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** A place where the model can be cut: what runs before it, and what crosses. */
export interface Cut {
  /** Index in the list of cuts: 0 is before the first node, the last is after the last node. */
  readonly index: number;
  /** Number of nodes of the cut order that lie before the cut. */
  readonly position: number;
  /** The node after which the cut lies, `input` for the first cut and `output` for the last. */
  readonly name: string;
  readonly tensors: readonly CrossingTensor[];
  /** Sum of the crossing tensors' bytes, uncompressed. */
  readonly bytes: number;
  /** Nodes and weight bytes of the front segment (constants count as weights, not as nodes). */
  readonly frontNodes: number;
  readonly frontWeightBytes: number;
}

/** A model's cuts with what they were computed from. */
export interface CutList {
  readonly graph: Graph;
  readonly order: CutOrder;
  readonly shapes: ShapeTable;
  readonly cuts: readonly Cut[];
}

/**
 * Lists the legal cuts of a model, from everything on the server (index 0) to everything on the agent (the last).
 * A cut is legal if all that crosses it are tensors that can travel. A crossing tensor that is a view or a cast of
 * smaller ones is replaced by those. Answers that the front segment already knows do not cross: they stay on the agent.
 * @throws CutpointError CUT_SHAPES if a model input has no known type.
 */
export function listCuts(graph: Graph, shapes: ShapeTable): CutList {
  const order = cutOrder(graph);
  const replay = makeReplay(graph, shapes);
  const rank = valueRanks(graph, order);
  const weigh = makeWeigher(graph);
  const cuts: Cut[] = [];
  for (const [position, crossing] of [...crossingAtEachPosition(graph, order)].entries()) {
    const values = replay.shrink(crossing).sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
    const isEnd = position === 0 || position === order.length;
    if (!isEnd && values.some((value) => shapes.get(value)?.kind !== 'tensor')) continue;
    const tensors = values.map((name): CrossingTensor => {
      const { dtype, shape } = tensorType(shapes, name);
      return { name, dtype, shape, bytes: valueBytes(shapes, name) };
    });
    const front = neededNodes(graph, [...values, ...answersBefore(graph, order, position)], new Set());
    cuts.push({
      index: cuts.length,
      position,
      name: cutName(graph, order, position),
      tensors,
      bytes: tensors.reduce((sum, tensor) => sum + tensor.bytes, 0),
      frontNodes: front.filter((index) => !nodeAt(graph, index).constant).length,
      frontWeightBytes: weigh(front),
    });
  }
  return { graph, order, shapes, cuts };
}

function cutName(graph: Graph, order: CutOrder, position: number): string {
  if (position === order.length) return 'output';
  const before = order[position - 1];
  return before === undefined ? 'input' : nodeLabel(nodeAt(graph, before).proto);
}

/** For each position of the order: the values that exist before it and are needed after it. */
function* crossingAtEachPosition(graph: Graph, order: CutOrder): Generator<string[]> {
  const uses = order.map((index) => nodeAt(graph, index).needs.filter((name) => !graph.isConstant(name)));
  const lastUse = new Map<string, number>();
  for (const [position, names] of uses.entries()) for (const name of names) lastUse.set(name, position);
  const alive = new Set(graph.inputs.map((input) => input.name).filter((name) => lastUse.has(name)));
  yield [...alive];
  for (const [position, index] of order.entries()) {
    for (const name of uses[position] ?? []) if (lastUse.get(name) === position) alive.delete(name);
    for (const name of nodeAt(graph, index).gives) if (lastUse.has(name)) alive.add(name);
    yield [...alive];
  }
}

/** Order in which values come to be, so that crossing tensors are listed alike everywhere. */
function valueRanks(graph: Graph, order: CutOrder): Map<string, number> {
  const names = [...graph.inputs.map((input) => input.name), ...order.flatMap((index) => nodeAt(graph, index).gives)];
  return new Map(names.map((name, rank) => [name, rank]));
}

/** Model outputs that nodes before a position give: they never travel to the server and back. */
export function answersBefore(graph: Graph, order: CutOrder, position: number): string[] {
  const given = new Set(order.slice(0, position).flatMap((index) => nodeAt(graph, index).gives));
  return graph.outputs.map((output) => output.name).filter((name) => given.has(name));
}

/** Returns a function that sums the weight bytes which a set of nodes needs, each weight once. */
function makeWeigher(graph: Graph): (nodes: readonly number[]) => number {
  const initializerBytes = new Map<string, number>();
  for (const [name, tensor] of graph.initializers) initializerBytes.set(name, weightBytes(tensor));
  for (const [name, { values, indices }] of graph.sparseInitializers) {
    const parts = [values, indices].filter((tensor) => tensor !== undefined);
    initializerBytes.set(
      name,
      parts.reduce((sum, tensor) => sum + weightBytes(tensor), 0),
    );
  }
  const attributeBytes = graph.nodes.map(({ proto }) => {
    let sum = 0;
    for (const tensor of nodeTensors(proto)) sum += weightBytes(tensor);
    return sum;
  });
  return (nodes) => {
    const seen = new Set<string>();
    let sum = 0;
    for (const index of nodes) {
      sum += attributeBytes[index] ?? 0;
      for (const name of nodeAt(graph, index).needs) {
        const bytes = initializerBytes.get(name);
        if (bytes === undefined || seen.has(name)) continue;
        seen.add(name);
        sum += bytes;
      }
    }
    return sum;
  };
}
