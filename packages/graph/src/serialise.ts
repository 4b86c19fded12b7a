import { type DescField, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { CutpointError } from '@cutpoint/core';
import { changed, without } from './changed.js';
import { type Model, maxModelBytes } from './model.js';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from './onnx_pb.js';

/** Raw data of at least this many bytes is not copied on the way. */
const largeBytes = 4096;

/** A message in pieces that are copied once, into the result; the order of a message's fields is free. */
interface Pieces {
  readonly bytes: readonly Uint8Array[];
  readonly length: number;
}

/**
 * Writes a model as ONNX bytes. Equal models give equal bytes.
 * @throws CutpointError CUT_MODEL_TOO_LARGE, before anything of that size is allocated, if the inline weights exceed what
 * protobuf allows.
 */
export function serialiseModel(model: Model): Uint8Array<ArrayBuffer> {
  const { bytes, length } = modelPieces(model);
  if (length > maxModelBytes) {
    throw new CutpointError(
      'CUT_MODEL_TOO_LARGE',
      'The model would exceed 2 GB, which protobuf does not allow: its weights must be kept in an external file.',
    );
  }
  const result = new Uint8Array(length);
  let position = 0;
  for (const piece of bytes) {
    result.set(piece, position);
    position += piece.byteLength;
  }
  return result;
}

function modelPieces(model: Model): Pieces {
  const rest = toBinary(ModelProtoSchema, without<ModelProto>(model, 'graph'));
  return join([whole(rest), field(ModelProtoSchema.field.graph, graphPieces(model.graph))]);
}

function graphPieces(graph: GraphProto): Pieces {
  const rest = toBinary(GraphProtoSchema, changed(graph, { node: [], initializer: [] }));
  return join([
    whole(rest),
    ...graph.node.map((node) => field(GraphProtoSchema.field.node, nodePieces(node))),
    ...graph.initializer.map((tensor) => field(GraphProtoSchema.field.initializer, tensorPieces(tensor))),
  ]);
}

function nodePieces(node: NodeProto): Pieces {
  if (!node.attribute.some(mayBeLarge)) return whole(toBinary(NodeProtoSchema, node));
  return join([
    whole(toBinary(NodeProtoSchema, changed(node, { attribute: [] }))),
    ...node.attribute.map((attribute) => field(NodeProtoSchema.field.attribute, attributePieces(attribute))),
  ]);
}

function mayBeLarge({ t, g }: AttributeProto): boolean {
  return g !== undefined || (t !== undefined && isLarge(t));
}

function attributePieces(attribute: AttributeProto): Pieces {
  const { t, g } = attribute;
  const rest = without(without(attribute, 't'), 'g');
  return join([
    whole(toBinary(AttributeProtoSchema, rest)),
    ...(t === undefined ? [] : [field(AttributeProtoSchema.field.t, tensorPieces(t))]),
    ...(g === undefined ? [] : [field(AttributeProtoSchema.field.g, graphPieces(g))]),
  ]);
}

function tensorPieces(tensor: TensorProto): Pieces {
  if (!isLarge(tensor)) return whole(toBinary(TensorProtoSchema, tensor));
  return join([
    whole(toBinary(TensorProtoSchema, without(tensor, 'rawData'))),
    field(TensorProtoSchema.field.rawData, whole(tensor.rawData)),
  ]);
}

function isLarge(tensor: TensorProto): boolean {
  return tensor.rawData.byteLength >= largeBytes;
}

function whole(bytes: Uint8Array): Pieces {
  return { bytes: [bytes], length: bytes.byteLength };
}

/** A length-delimited field of the message around it. */
function field({ number }: DescField, content: Pieces): Pieces {
  // The length of a message over 4 GB would not even fit the prefix; the caller refuses it by the sum of the lengths.
  const prefix = new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(Math.min(content.length, 2 ** 32 - 1));
  return join([whole(prefix.finish()), content]);
}

function join(parts: readonly Pieces[]): Pieces {
  return { bytes: parts.flatMap((part) => part.bytes), length: parts.reduce((sum, part) => sum + part.length, 0) };
}
