import type { Graph } from './graph.js';
import { isDefaultDomain } from './model.js';
import type { NodeProto } from './onnx_pb.js';
import { type ShapeTable, valueBytes } from './shapes.js';

/**
 * Operators whose result is a view or a cast of their input: they cost next to nothing and give the same bits wherever
 * they run, so the receiver can repeat them. DequantizeLinear is the cast from the quantised types.
 */
const replayable = new Set([
  'Cast',
  'CastLike',
  'ConstantOfShape',
  'DequantizeLinear',
  'Expand',
  'Flatten',
  'Identity',
  'Reshape',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
]);

/** Finds the smaller tensors that crossing tensors can be rebuilt from. */
export interface Replay {
  /** Replaces views and casts of smaller tensors, and views of tensors that cross anyway. */
  shrink(crossing: readonly string[]): string[];
}

/** @param shapes measured types of the model's values; unknown values are left as they are. */
export function makeReplay(graph: Graph, shapes: ShapeTable): Replay {
  const origins = new Map<string, ReadonlySet<string>>();
  const smallest = (value: string): ReadonlySet<string> => {
    const sources = origins.get(value);
    const better = sources !== undefined && sumBytes(shapes, sources) < valueBytes(shapes, value);
    return better ? sources : new Set([value]);
  };
  // In the model's order, so that the origins of a view's inputs are known when it is reached.
  for (const { proto, needs, gives } of graph.nodes) {
    if (!isReplayable(proto)) continue;
    const sources = needs.filter((name) => !graph.isConstant(name)).flatMap((name) => [...smallest(name)]);
    for (const value of gives) origins.set(value, new Set(sources));
  }

  return {
    shrink(crossing) {
      const shrunk = new Set(crossing.flatMap((value) => [...smallest(value)]));
      for (const value of [...shrunk].reverse()) {
        const sources = origins.get(value);
        if (sources !== undefined && [...sources].every((name) => shrunk.has(name))) shrunk.delete(value);
      }
      return [...shrunk];
    },
  };
}

function isReplayable(node: NodeProto): boolean {
  const known = isDefaultDomain(node.domain) || node.domain === 'com.microsoft';
  return known && replayable.has(node.opType);
}

function sumBytes(shapes: ShapeTable, values: ReadonlySet<string>): number {
  let sum = 0;
  for (const value of values) sum += valueBytes(shapes, value);
  return sum;
}
