import type { DType } from '@cutpoint/core';
import { answerPositions, answersBetween } from './answers.js';
import { makeFrontCost } from './front-cost.js';
import { type Graph, nodeAt, nodeLabel } from './graph.js';
import { type CutOrder, cutOrder } from './order.js';
import { makeReplay } from './replay.js';
import { type ShapeTable, tensorType, valueBytes } from './shapes.js';

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
  const replay = makeReplay(graph, shapes, valueRanks(graph, order));
  const crossingTensor = makeCrossingTensors(shapes);
  const answers = answerPositions(graph, order);
  const frontCost = makeFrontCost(graph);
  const cuts: Cut[] = [];
  for (const [position, crossing] of [...crossingAtEachPosition(graph, order)].entries()) {
    const values = replay.shrink(crossing);
    const isEnd = position === 0 || position === order.length;
    if (!isEnd && values.some((value) => shapes.get(value)?.kind !== 'tensor')) continue;
    const tensors = values.map(crossingTensor);
    const front = frontCost([...values, ...answersBetween(answers, -1, position)]);
    cuts.push({
      index: cuts.length,
      position,
      name: cutName(graph, order, position),
      tensors,
      bytes: tensors.reduce((sum, tensor) => sum + tensor.bytes, 0),
      frontNodes: front.nodes,
      frontWeightBytes: front.weightBytes,
    });
  }
  return { graph, order, shapes, cuts };
}

/** Returns a function that describes crossing tensors; cuts share the descriptions, as most tensors cross several. */
function makeCrossingTensors(shapes: ShapeTable): (name: string) => CrossingTensor {
  const known = new Map<string, CrossingTensor>();
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const { dtype, shape } = tensorType(shapes, name);
    const tensor = { name, dtype, shape, bytes: valueBytes(shapes, name) };
    known.set(name, tensor);
    return tensor;
  };
}

function cutName(graph: Graph, order: CutOrder, position: number): string {
  if (position === order.length) return 'output';
  const before = order[position - 1];
  return before === undefined ? 'input' : nodeLabel(nodeAt(graph, before).proto);
}

/** For each position of the order: the values that exist before it and are needed after it, oldest first. */
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

/** Order in which values come to be. */
function valueRanks(graph: Graph, order: CutOrder): Map<string, number> {
  const names = [...graph.inputs.map((input) => input.name), ...order.flatMap((index) => nodeAt(graph, index).gives)];
  return new Map(names.map((name, rank) => [name, rank]));
}
