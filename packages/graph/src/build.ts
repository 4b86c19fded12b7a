import { create } from '@bufbuild/protobuf';
import type { AttributeValue } from './build-attributes.js';
import { changed } from './changed.js';
import type { Model } from './model.js';
import {
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type SparseTensorProto,
  type TensorProto,
  type ValueInfoProto,
} from './onnx_pb.js';

/** The parts of a graph or subgraph. */
export interface GraphParts {
  readonly name?: string;
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly nodes: readonly NodeProto[];
  readonly initializers?: readonly TensorProto[];
  readonly sparseInitializers?: readonly SparseTensorProto[];
  /** Declared types of inner values; optional. */
  readonly inner?: readonly ValueInfoProto[];
}

/** The parts of a model. */
export interface ModelParts extends GraphParts {
  /** Version of ONNX's own operators; 17 unless given. */
  readonly opset?: number;
  /** 8 unless given. */
  readonly irVersion?: number;
  /** Versions of other operator domains, e.g. `{ 'com.microsoft': 1 }`. */
  readonly domains?: Readonly<Record<string, number>>;
  readonly functions?: readonly FunctionProto[];
}

/**
 * Makes a model from its parts; nothing is copied and nothing is checked (`indexGraph` does that).
 * @example
 * buildModel({
 *   inputs: [tensorValue('x', 'f32', ['batch', 4])],
 *   outputs: [tensorValue('y', 'f32', ['batch', 2])],
 *   nodes: [node('MatMul', ['x', 'w'], ['y'])],
 *   initializers: [weight('w', 'f32', [4, 2], new Float32Array(8))],
 * })
 */
export function buildModel(parts: ModelParts): Model {
  const { opset = 17, irVersion = 8, domains = {}, functions = [] } = parts;
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(irVersion),
    producerName: 'cutpoint',
    opsetImport: operatorSets({ '': opset, ...domains }),
    functions: [...functions],
  });
  return Object.assign(model, { graph: subgraph(parts) });
}

/** Makes a graph: the body of an `If`, `Loop` or `Scan` node, for `attribute.graph`. */
export function subgraph(parts: GraphParts): GraphProto {
  return create(GraphProtoSchema, {
    name: parts.name ?? 'graph',
    input: [...parts.inputs],
    output: [...parts.outputs],
    node: [...parts.nodes],
    initializer: [...(parts.initializers ?? [])],
    sparseInitializer: [...(parts.sparseInitializers ?? [])],
    valueInfo: [...(parts.inner ?? [])],
  });
}

/**
 * Makes a node. An empty name among `inputs` or `outputs` leaves an optional one out.
 * @example node('Conv', ['x', 'w', ''], ['y'], { strides: attribute.ints([2, 2]) }, { name: 'stem' })
 */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  { name = '', domain = '' }: { readonly name?: string; readonly domain?: string } = {},
): NodeProto {
  return create(NodeProtoSchema, {
    opType: op,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([key, value]) => changed(value, { name: key })),
    name,
    domain,
  });
}

/** Makes a function of a model: an operator defined by other operators. */
export function modelFunction(parts: {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Names of the attributes that a call must give. */
  readonly attributes?: readonly string[];
  readonly nodes: readonly NodeProto[];
  /** Operator sets that the body uses, by domain. */
  readonly domains?: Readonly<Record<string, number>>;
}): FunctionProto {
  return create(FunctionProtoSchema, {
    domain: parts.domain,
    name: parts.name,
    input: [...parts.inputs],
    output: [...parts.outputs],
    attribute: [...(parts.attributes ?? [])],
    node: [...parts.nodes],
    opsetImport: operatorSets(parts.domains ?? { '': 17 }),
  });
}

function operatorSets(versions: Readonly<Record<string, number>>) {
  return Object.entries(versions).map(([domain, version]) => ({ domain, version: BigInt(version) }));
}
