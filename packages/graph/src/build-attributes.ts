import { create } from '@bufbuild/protobuf';
import { getTextEncoding } from '@bufbuild/protobuf/wire';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type TensorProto,
} from './onnx_pb.js';

/** The value of a node attribute, of an explicit kind and without a name; a node takes a copy and names that. */
export type AttributeValue = AttributeProto;

type Fields = Exclude<Parameters<typeof create<typeof AttributeProtoSchema>>[1], undefined>;

const value = (kind: keyof typeof AttributeProto_AttributeType, fields: Fields): AttributeValue =>
  create(AttributeProtoSchema, { ...fields, type: AttributeProto_AttributeType[kind] });

const utf8 = (text: string) => getTextEncoding().encodeUtf8(text);

/**
 * Makes attribute values, one function for each kind that ONNX knows.
 * @example node('Conv', ['x', 'w'], ['y'], { strides: attribute.ints([2, 2]) })
 */
export const attribute = {
  int: (number: number | bigint) => value('INT', { i: BigInt(number) }),
  float: (number: number) => value('FLOAT', { f: number }),
  string: (text: string) => value('STRING', { s: utf8(text) }),
  tensor: (tensor: TensorProto) => value('TENSOR', { t: tensor }),
  graph: (graph: GraphProto) => value('GRAPH', { g: graph }),
  ints: (numbers: readonly (number | bigint)[]) => value('INTS', { ints: numbers.map(BigInt) }),
  floats: (numbers: readonly number[]) => value('FLOATS', { floats: [...numbers] }),
  strings: (texts: readonly string[]) => value('STRINGS', { strings: texts.map(utf8) }),
  tensors: (tensors: readonly TensorProto[]) => value('TENSORS', { tensors: [...tensors] }),
  graphs: (graphs: readonly GraphProto[]) => value('GRAPHS', { graphs: [...graphs] }),
  /** In the body of a function: the attribute of that name which the caller gave. */
  reference: (kind: keyof typeof AttributeProto_AttributeType, name: string) => value(kind, { refAttrName: name }),
} as const;
