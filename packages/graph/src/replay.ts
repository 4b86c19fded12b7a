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
  'Concat',
  'ConstantOfShape',
  'DequantizeLinear',
  'Expand',
  'Flatten',
  'Identity',
  'Pad',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
]);

/** Finds the smaller tensors that crossing tensors can be rebuilt from. */
export interface Replay {
  /**
   * Replaces views and casts of smaller tensors, and leaves out views of tensors that cross anyway.
   * @param crossing values in the order in which they come to be; the result is in that order too.
   */
  shrink(crossing: readonly string[]): string[];
}

/**
 * @param shapes measured types of the model's values; unknown values are left as they are.
 * @param rank when each value comes to be.
 */
export function makeReplay(graph: Graph, shapes: ShapeTable, rank: ReadonlyMap<string, number>): Replay {
  /** What each view is made of, views inside views resolved where that is smaller. */
  const origins = new Map<string, ReadonlySet<string>>();
  /** What each view is made of in the end: values that are not views. */
  const roots = new Map<string, ReadonlySet<string>>();
  /** Origins that are smaller than the view. */
  const replacements = new Map<string, ReadonlySet<string>>();
  const smallest = (value: string): Iterable<string> => replacements.get(value) ?? [value];
  // In the model's order, so that the origins of a view's inputs are known when it is reached.
  for (const { proto, needs, gives } of graph.nodes) {
    if (!isReplayable(proto) || graph.functions.calledBy(proto).length > 0) continue;
    const inputs = needs.filter((name) => !graph.isConstant(name));
    const sources = new Set(inputs.flatMap((name) => [...smallest(name)]));
    const ends = new Set(inputs.flatMap((name) => [...(roots.get(name) ?? [name])]));
    const bytes = sumBytes(shapes, sources);
    for (const value of gives) {
      origins.set(value, sources);
      roots.set(value, ends);
      if (bytes < valueBytes(shapes, value)) replacements.set(value, sources);
    }
  }

  return {
    shrink(crossing) {
      if (!crossing.some((value) => origins.has(value))) return [...crossing];
      const byRank = (a: string, b: string) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0);
      const shrunk = new Set([...new Set(crossing.flatMap((value) => [...smallest(value)]))].sort(byRank));
      // Latest first, so that a view of a view goes while what it is a view of is still there.
      for (const value of [...shrunk].reverse()) {
        if (isThere(shrunk, origins.get(value)) || isThere(shrunk, roots.get(value))) shrunk.delete(value);
      }
      return [...shrunk];
    },
  };
}

function isThere(values: ReadonlySet<string>, sources: ReadonlySet<string> | undefined): boolean {
  return sources !== undefined && [...sources].every((name) => values.has(name));
}

function isReplayable(node: NodeProto): boolean {
  if (node.domain === 'com.microsoft') return node.opType === 'DequantizeLinear';
  return isDefaultDomain(node.domain) && replayable.has(node.opType);
}

function sumBytes(shapes: ShapeTable, values: ReadonlySet<string>): number {
  let sum = 0;
  for (const value of values) sum += valueBytes(shapes, value);
  return sum;
}
