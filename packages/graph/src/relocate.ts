import { create } from '@bufbuild/protobuf';
import { changed } from './changed.js';
import type { Model } from './model.js';
import {
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type SparseTensorProto,
  StringStringEntryProtoSchema,
  type TensorProto,
} from './onnx_pb.js';
import { type ExternalRange, externalRange, isExternal } from './weights.js';

/** Where a range of external data goes. */
export type Relocation = Pick<ExternalRange, 'location' | 'offset'>;

/**
 * The model with its external weights elsewhere; the bytes are the caller's to move. Nothing of the original changes.
 * @param place called once for each different range, in the order in which the model names them.
 * @throws CutpointError CUT_EXTERNAL_DATA if a weight's entry is incomplete or points outside the model's folder.
 */
export function relocateExternal(model: Model, place: (range: ExternalRange) => Relocation): Model {
  const placed = new Map<string, Relocation>();
  const move = (tensor: TensorProto): TensorProto => {
    if (!isExternal(tensor)) return tensor;
    const range = externalRange(tensor);
    const key = JSON.stringify(range);
    const target = placed.get(key) ?? place(range);
    placed.set(key, target);
    return changed(tensor, { externalData: externalData({ ...target, length: range.length }) });
  };
  return changed(model, {
    graph: mapGraph(model.graph, move),
    functions: model.functions.map((body) => changed(body, { node: body.node.map((node) => mapNode(node, move)) })),
  });
}

function externalData({ location, offset, length }: ExternalRange) {
  const entries = { location, offset: String(offset), length: String(length) };
  return Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
}

type Change = (tensor: TensorProto) => TensorProto;

function mapGraph(graph: GraphProto, change: Change): GraphProto {
  return changed(graph, {
    initializer: graph.initializer.map(change),
    sparseInitializer: graph.sparseInitializer.map((sparse) => mapSparse(sparse, change)),
    node: graph.node.map((node) => mapNode(node, change)),
  });
}

function mapNode(node: NodeProto, change: Change): NodeProto {
  return changed(node, { attribute: node.attribute.map((attribute) => mapAttribute(attribute, change)) });
}

function mapAttribute(attribute: AttributeProto, change: Change): AttributeProto {
  const { t, g, sparseTensor } = attribute;
  return changed(attribute, {
    ...(t && { t: change(t) }),
    ...(g && { g: mapGraph(g, change) }),
    ...(sparseTensor && { sparseTensor: mapSparse(sparseTensor, change) }),
    tensors: attribute.tensors.map(change),
    graphs: attribute.graphs.map((graph) => mapGraph(graph, change)),
    sparseTensors: attribute.sparseTensors.map((sparse) => mapSparse(sparse, change)),
  });
}

function mapSparse(sparse: SparseTensorProto, change: Change): SparseTensorProto {
  const { values, indices } = sparse;
  return changed(sparse, { ...(values && { values: change(values) }), ...(indices && { indices: change(indices) }) });
}
