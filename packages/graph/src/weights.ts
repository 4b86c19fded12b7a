import { CutpointError } from '@cutpoint/core';
import { bitsPerElement } from './element-types.js';
import type { Model } from './model.js';
import {
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
  TensorProto_DataLocation,
} from './onnx_pb.js';

/** Size of a weight tensor in bytes, from its shape and type; nothing is read. */
export function weightBytes(tensor: TensorProto): number {
  const bits = bitsPerElement(tensor.dataType);
  if (bits === undefined) return tensor.stringData.reduce((sum, text) => sum + text.byteLength, 0);
  const elements = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
  return Math.ceil((elements * bits) / 8);
}

/** Where an external weight lies: a file relative to the model's folder, and a range in it. */
export interface ExternalRange {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** True if the tensor's bytes are in another file. */
export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === TensorProto_DataLocation.EXTERNAL;
}

/**
 * The file and range of an external weight.
 * @throws CutpointError CUT_EXTERNAL_DATA if the entry is incomplete or points outside the model's folder.
 */
export function externalRange(tensor: TensorProto): ExternalRange {
  const entry = (key: string) => tensor.externalData.find((pair) => pair.key === key)?.value;
  const location = entry('location') ?? '';
  const size = weightBytes(tensor);
  const offset = Number(entry('offset') ?? 0);
  const length = Number(entry('length') ?? size);
  const wholeNumbers = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!wholeNumbers || length !== size) {
    throw externalError(tensor, `names the range ${entry('offset')} + ${entry('length')}, but needs ${size} bytes`);
  }
  if (!isInside(location)) throw externalError(tensor, `points outside the model's folder ("${location}")`);
  return { location, offset, length };
}

function isInside(location: string): boolean {
  const absolute = /^([/\\]|[A-Za-z]:)/.test(location);
  return location !== '' && !absolute && !location.split(/[/\\]/).includes('..');
}

function externalError(tensor: TensorProto, what: string): CutpointError {
  return new CutpointError('CUT_EXTERNAL_DATA', `The external data of weight "${tensor.name}" ${what}.`);
}

/** Every weight tensor of a model: of its graph, and in the bodies of its functions. */
export function* modelTensors({ graph, functions }: Model): Generator<TensorProto> {
  yield* weightTensors(graph);
  for (const { node } of functions) for (const inner of node) yield* nodeTensors(inner);
}

/** Every weight tensor of a graph: initializers and tensors in node attributes, subgraphs included. */
export function* weightTensors(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer;
  for (const sparse of graph.sparseInitializer) yield* sparseParts(sparse);
  for (const node of graph.node) yield* nodeTensors(node);
}

/** The weight tensors in the attributes of a node, subgraphs included. */
export function* nodeTensors(node: NodeProto): Generator<TensorProto> {
  for (const attribute of node.attribute) {
    if (attribute.t !== undefined) yield attribute.t;
    yield* attribute.tensors;
    if (attribute.sparseTensor !== undefined) yield* sparseParts(attribute.sparseTensor);
    for (const sparse of attribute.sparseTensors) yield* sparseParts(sparse);
    for (const graph of subgraphs(attribute)) yield* weightTensors(graph);
  }
}

/** The two tensors that make a sparse one. */
export function sparseParts({ values, indices }: SparseTensorProto): TensorProto[] {
  return [values, indices].filter((tensor) => tensor !== undefined);
}

/** The graphs that an attribute holds (`If`, `Loop`, `Scan` bodies). */
export function subgraphs(attribute: AttributeProto): GraphProto[] {
  return attribute.g === undefined ? attribute.graphs : [attribute.g, ...attribute.graphs];
}
