import fc from 'fast-check';
import { buildModel, node, subgraph } from './build.js';
import { attribute } from './build-attributes.js';
import { tensorValue, weight } from './build-values.js';
import { type Graph, indexGraph } from './graph.js';
import type { NodeProto } from './onnx_pb.js';
import type { ShapeTable } from './shapes.js';

const plainOps = ['Add', 'Mul', 'Neg', 'TopK', 'If', 'Constant'] as const;
const viewOps = ['Identity', 'Reshape', 'Cast', 'Expand', 'Concat', 'Split'] as const;
const outputCounts = new Map<string, number>([
  ['TopK', 2],
  ['Split', 2],
]);

/** A graph with measured types, and values to run it with. */
export interface RandomGraph {
  readonly graph: Graph;
  readonly shapes: ShapeTable;
  readonly feeds: ReadonlyMap<string, number>;
}

/** Random acyclic graphs with weights, constants, subgraphs, dead nodes and several outputs; `views` adds views and casts. */
export function randomGraph({
  views,
  maxNodes = 14,
}: {
  views: boolean;
  maxNodes?: number;
}): fc.Arbitrary<RandomGraph> {
  const ops: readonly string[] = views ? [...plainOps, ...viewOps, ...viewOps] : plainOps;
  return fc
    .record({
      inputs: fc.integer({ min: 1, max: 3 }),
      weights: fc.integer({ min: 0, max: 3 }),
      nodes: fc.array(
        fc.record({
          op: fc.constantFrom(...ops),
          picks: fc.tuple(fc.nat(), fc.nat(), fc.nat()),
        }),
        { minLength: 1, maxLength: maxNodes },
      ),
      outputs: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      // Drawn once for each value, whatever its operator: replacement looks at nothing but these.
      sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 64, maxLength: 64 }),
      feed: fc.integer(),
    })
    .map(({ inputs, weights, nodes, outputs, sizes, feed }) => {
      const inputNames = Array.from({ length: inputs }, (_, i) => `in${i}`);
      const weightNames = Array.from({ length: weights }, (_, i) => `w${i}`);
      const names = [...inputNames, ...weightNames];
      const protos: NodeProto[] = [];
      for (const [i, { op, picks }] of nodes.entries()) {
        const [a = '', b = '', c = ''] = picks.map((pick) => names[pick % names.length] ?? '');
        const gives = Array.from({ length: outputCounts.get(op) ?? 1 }, (_, k) => `v${i}.${k}`);
        protos.push(makeNode(op, [a, b, c], gives, i));
        names.push(...gives);
      }
      const outputNames = [...new Set(outputs.map((pick) => names[names.length - 1 - (pick % names.length)] ?? ''))];
      const graph = indexGraph(
        buildModel({
          inputs: inputNames.map((name) => tensorValue(name, 'i32', [null])),
          outputs: outputNames.map((name) => tensorValue(name, 'i32', [null])),
          nodes: protos,
          initializers: weightNames.map((name, i) =>
            weight(name, 'i32', [i + 1], new Int32Array(i + 1).fill(3 * i + 2)),
          ),
        }),
      );
      const shapes: ShapeTable = new Map(
        names.map((name, i) => {
          const shape = [sizes[i % sizes.length] ?? 1];
          return [name, { kind: 'tensor', dtype: 'i32', shape, declared: [null] }];
        }),
      );
      return { graph, shapes, feeds: new Map(inputNames.map((name, i) => [name, (feed + i) | 0])) };
    });
}

function makeNode(op: string, [a, b, c]: readonly [string, string, string], gives: string[], i: number): NodeProto {
  switch (op) {
    case 'Constant':
      return node(op, [], gives, { value: attribute.tensor(weight('', 'i32', [2], new Int32Array([i + 5, 0]))) });
    case 'If': {
      // The body captures two outer values and has a weight of its own.
      const body = subgraph({
        inputs: [],
        outputs: [tensorValue('inner', 'i32', [null])],
        nodes: [node('Add', [a, 'own'], ['sum']), node('Mul', ['sum', b], ['inner'])],
        initializers: [weight('own', 'i32', [1], new Int32Array([i + 1]))],
      });
      return node(op, [c], gives, { then_branch: attribute.graph(body) });
    }
    case 'Add':
    case 'Mul':
    case 'Concat':
      return node(op, [a, b], gives);
    default:
      return node(op, [a], gives);
  }
}
