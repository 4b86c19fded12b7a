import { buildModel } from './build.js';
import { tensorValue } from './build-values.js';
import { listCuts } from './cuts.js';
import { type Graph, indexGraph } from './graph.js';
import type { ShapeTable, ValueType } from './shapes.js';

type Parts = Parameters<typeof buildModel>[0];

export const f32 = (name: string) => tensorValue(name, 'f32', [null]);

/** The type of an f32 vector. */
export const vector = (length: number): ValueType => ({
  kind: 'tensor',
  dtype: 'f32',
  shape: [length],
  declared: [null],
});

/** Every value an f32 vector of ten elements, unless said otherwise. */
export function shapesOf(graph: Graph, other: Readonly<Record<string, ValueType>> = {}): ShapeTable {
  const names = [...graph.inputs.map((input) => input.name), ...graph.nodes.flatMap((node) => node.gives)];
  return new Map(names.map((name) => [name, other[name] ?? vector(10)]));
}

/** Cuts of a model with the input x and the output y, unless said otherwise. */
export function cutsOf(
  nodes: Parts['nodes'],
  parts: Partial<Parts> = {},
  types: Readonly<Record<string, ValueType>> = {},
) {
  const graph = indexGraph(buildModel({ inputs: [f32('x')], outputs: [f32('y')], nodes, ...parts }));
  return listCuts(graph, shapesOf(graph, types));
}

/** Names of what crosses each cut. */
export function crossings(list: ReturnType<typeof cutsOf>): string[][] {
  return list.cuts.map((cut) => cut.tensors.map((tensor) => tensor.name));
}
