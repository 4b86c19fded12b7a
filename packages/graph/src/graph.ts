import { CutpointError } from '@cutpoint/core';
import { type Functions, findRandomness, indexFunctions } from './functions.js';
import type { Model } from './model.js';
import type { NodeProto, SparseTensorProto, TensorProto, ValueInfoProto } from './onnx_pb.js';
import { neededValues } from './references.js';

/** A node with what it needs and gives. `constant`: it depends on weights alone, so it travels with them. */
export interface GraphNode {
  readonly proto: NodeProto;
  readonly needs: readonly string[];
  readonly gives: readonly string[];
  readonly constant: boolean;
}

/** A model's top-level graph, indexed. */
export interface Graph {
  readonly model: Model;
  /** All nodes in the model's own (topological) order. */
  readonly nodes: readonly GraphNode[];
  /** Inputs that must be fed: graph inputs without a default value. */
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  readonly sparseInitializers: ReadonlyMap<string, SparseTensorProto>;
  readonly functions: Functions;
  /** Index in `nodes` of the node that gives each value. */
  readonly producers: ReadonlyMap<string, number>;
  /** True if the value is a weight or depends on weights alone: it never crosses a cut. */
  isConstant(value: string): boolean;
}

/**
 * Indexes a model's graph.
 * @throws CutpointError CUT_MODEL_INVALID if a value is used before it is defined, or defined twice.
 */
export function indexGraph(model: Model): Graph {
  const { graph } = model;
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const sparseInitializers = new Map(graph.sparseInitializer.map((tensor) => [tensor.values?.name ?? '', tensor]));
  const weights = [...graph.initializer.map((tensor) => tensor.name), ...sparseInitializers.keys()];
  const constants = new Set(weights);
  const inputs = graph.input.filter((input) => !constants.has(input.name));
  const defined = new Set<string>();
  for (const name of [...weights, ...inputs.map((input) => input.name)]) define(defined, name);
  const functions = indexFunctions(model);
  const isRandom = findRandomness(model, functions);
  const producers = new Map<string, number>();

  const nodes = graph.node.map((proto, index): GraphNode => {
    const needs = [...neededValues(proto)];
    const missing = needs.find((name) => !defined.has(name));
    if (missing !== undefined) {
      throw invalidGraph(`node ${nodeLabel(proto)} uses "${missing}", which nothing before it defines`);
    }
    const gives = proto.output.filter((name) => name !== '');
    for (const name of gives) {
      define(defined, name);
      producers.set(name, index);
    }
    const constant = needs.every((name) => constants.has(name)) && !isRandom(proto);
    if (constant) for (const name of gives) constants.add(name);
    return { proto, needs, gives, constant };
  });

  const unknownOutput = graph.output.find((output) => !defined.has(output.name));
  if (unknownOutput !== undefined) throw invalidGraph(`nothing defines its output "${unknownOutput.name}"`);
  return {
    model,
    nodes,
    inputs,
    outputs: graph.output,
    initializers,
    sparseInitializers,
    functions,
    producers,
    isConstant: (value) => constants.has(value),
  };
}

function define(defined: Set<string>, name: string): void {
  if (defined.has(name)) throw invalidGraph(`the value "${name}" is defined twice`);
  defined.add(name);
}

/** A node by index. */
export function nodeAt(graph: Pick<Graph, 'nodes'>, index: number): GraphNode {
  const node = graph.nodes[index];
  if (node === undefined) throw new RangeError(`There is no node ${index}.`);
  return node;
}

/** How a node is named to people: its name, else its operator and first output. */
export function nodeLabel(node: NodeProto): string {
  if (node.name !== '') return node.name;
  const output = node.output.find((name) => name !== '');
  return output === undefined ? node.opType : `${node.opType}:${output}`;
}

function invalidGraph(why: string): CutpointError {
  return new CutpointError('CUT_MODEL_INVALID', `The model's graph is not valid: ${why}.`);
}
