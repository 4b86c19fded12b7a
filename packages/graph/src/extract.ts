import { create } from '@bufbuild/protobuf';
import { CutpointError } from '@cutpoint/core';
import { answerPositions, answersBetween } from './answers.js';
import { tensorValue } from './build-values.js';
import type { Cut, CutList } from './cuts.js';
import { type Graph, indexGraph, nodeAt } from './graph.js';
import type { Model } from './model.js';
import { neededNodes } from './needed.js';
import { type GraphProto, GraphProtoSchema, ModelProtoSchema, type ValueInfoProto } from './onnx_pb.js';
import { type ShapeTable, tensorType } from './shapes.js';

/** A segment between two neighbouring cuts: what reaches it, what it gives, and the model that computes it. */
export interface ExtractedSegment {
  readonly index: number;
  /** What crosses the cut before it (for the first segment: the model's inputs). */
  readonly receives: readonly string[];
  /** What crosses the cut after it (for the last segment: nothing). */
  readonly sends: readonly string[];
  /** Outputs of the whole model that are first known after this segment. */
  readonly answers: readonly string[];
  /** The segment as a model of its own; its inputs are a subset of `receives`. Null if there is nothing to compute. */
  readonly model: Model | null;
}

/** Lowest IR version that allows initializers which are not graph inputs. */
const irWithConstantInitializers = 4n;

/**
 * The segments between the given cuts: k cuts give k + 1 segments, in order. Weights, constants and functions go to each
 * segment that uses them; views and casts that were replaced at a cut are computed again behind it.
 * @param at indices of cuts, ascending; may be empty (one segment: the whole model).
 * @throws CutpointError CUT_ILLEGAL_CUT if a cut does not exist or the indices do not ascend.
 */
export function extractSegments(list: CutList, at: readonly number[]): ExtractedSegment[] {
  const chosen = at.map((index) => cutAt(list, index));
  for (const [i, cut] of chosen.entries()) {
    const before = chosen[i - 1];
    if (before !== undefined && before.index >= cut.index) {
      throw new CutpointError('CUT_ILLEGAL_CUT', `Cuts must ascend, but ${before.index} comes before ${cut.index}.`);
    }
  }
  const inputs = list.graph.inputs.map((input) => input.name);
  const positions = answerPositions(list.graph, list.order);
  return [...chosen, undefined].map((after, index) => {
    const before = chosen[index - 1];
    const receives = before === undefined ? inputs : before.tensors.map((tensor) => tensor.name);
    const sends = after === undefined ? [] : after.tensors.map((tensor) => tensor.name);
    const answers = answersBetween(positions, before?.position ?? -1, after?.position ?? list.order.length);
    const model = segmentModel(list, receives, [...sends, ...answers], index);
    return { index, receives, sends, answers, model };
  });
}

/** The cut of that index. @throws CutpointError CUT_ILLEGAL_CUT if there is none. */
export function cutAt(list: CutList, index: number): Cut {
  const cut = list.cuts[index];
  if (cut !== undefined) return cut;
  const last = list.cuts.length - 1;
  throw new CutpointError('CUT_ILLEGAL_CUT', `Cut ${index} does not exist: this model has the cuts 0 to ${last}.`);
}

function segmentModel(list: CutList, receives: readonly string[], wanted: string[], index: number): Model | null {
  const { graph, shapes } = list;
  const received = new Set(receives);
  const outputs = [...new Set(wanted)].filter((name) => !received.has(name));
  if (outputs.length === 0) return null;
  const nodes = neededNodes(graph, outputs, received);
  const used = new Set([...outputs, ...nodes.flatMap((node) => nodeAt(graph, node).needs)]);
  const inputs = receives.filter((name) => used.has(name));
  const { model } = graph;
  const segment = create(ModelProtoSchema, {
    irVersion: model.irVersion < irWithConstantInitializers ? irWithConstantInitializers : model.irVersion,
    producerName: 'cutpoint',
    opsetImport: model.opsetImport,
    functions: graph.functions.usedBy(nodes.map((node) => nodeAt(graph, node).proto)),
    metadataProps: model.metadataProps,
    graph: create(GraphProtoSchema, {
      name: `${model.graph.name || 'model'}/segment-${index}`,
      node: nodes.map((node) => nodeAt(graph, node).proto),
      initializer: model.graph.initializer.filter((tensor) => used.has(tensor.name)),
      sparseInitializer: model.graph.sparseInitializer.filter((tensor) => used.has(tensor.values?.name ?? '')),
      input: inputs.map((name) => boundaryInfo(graph.inputs, shapes, name)),
      output: outputs.map((name) => boundaryInfo(graph.outputs, shapes, name)),
      valueInfo: innerValueInfo(model.graph, graph, nodes, new Set([...inputs, ...outputs])),
      quantizationAnnotation: model.graph.quantizationAnnotation.filter((entry) => used.has(entry.tensorName)),
    }),
  });
  const result = withGraph(segment);
  assertComplete(result, index);
  return result;
}

function innerValueInfo(proto: GraphProto, graph: Graph, nodes: readonly number[], boundary: ReadonlySet<string>) {
  const given = new Set(nodes.flatMap((node) => nodeAt(graph, node).gives));
  return proto.valueInfo.filter(({ name }) => given.has(name) && !boundary.has(name));
}

function withGraph(model: ReturnType<typeof create<typeof ModelProtoSchema>>): Model {
  const { graph } = model;
  if (graph === undefined) throw new CutpointError('CUT_INTERNAL', 'A model was made without a graph.');
  return Object.assign(model, { graph });
}

/** The model's own declaration of an input or output, else what was measured. */
function boundaryInfo(own: readonly ValueInfoProto[], shapes: ShapeTable, name: string): ValueInfoProto {
  return own.find((info) => info.name === name) ?? measuredInfo(shapes, name);
}

function measuredInfo(shapes: ShapeTable, name: string): ValueInfoProto {
  const { dtype, declared } = tensorType(shapes, name);
  return tensorValue(name, dtype, declared);
}

/** A segment that needs a value which does not reach it is a defect of the cut list: fail here, not in the runtime. */
function assertComplete(segment: Model, index: number): void {
  try {
    indexGraph(segment);
  } catch (cause) {
    throw new CutpointError('CUT_INTERNAL', `Segment ${index} is not complete; please report this model.`, { cause });
  }
}
