import { type Graph, isDefaultDomain, type ShapeTable, storingOpset } from '@cutpoint/graph';

/** How closely split and whole must agree, and why. */
export interface Bounds {
  /** With the runtime's graph optimisations off: largest difference over the output's range. */
  readonly exact: number;
  /** With them on. */
  readonly optimised: number;
  readonly reason: string;
}

/** Operators that round to few levels, so that one last bit before them becomes one level after them. */
const quantising = /^(QuantizeLinear|DynamicQuantize|QLinear|QGemm|QAttention|MatMulInteger|ConvInteger|MatMulNBits)/;

const float32: Bounds = {
  exact: 0,
  optimised: 1e-4,
  reason: 'f32: optimisations may fuse across the cut and round differently',
};

/** The bounds that hold for a model, by the narrowest arithmetic in it. */
export function boundsOf(graph: Graph, shapes: ShapeTable): Bounds {
  if (graph.nodes.some(({ proto }) => quantising.test(proto.opType))) {
    return {
      exact: 0,
      optimised: 0.05,
      reason:
        'quantised: a last bit that a fusion rounds differently can move a value to the next of 256 levels, and such steps add up',
    };
  }
  const types = new Set([...shapes.values()].map((type) => (type.kind === 'tensor' ? type.dtype : null)));
  if (types.has('f16') || types.has('bf16')) {
    const opset = graph.model.opsetImport.find(({ domain }) => isDefaultDomain(domain))?.version ?? storingOpset;
    const reason =
      'f16: the CPU provider computes in f32 and rounds to 11 bits where a tensor is stored, also at the cut';
    if (opset >= storingOpset) return { exact: 0, optimised: 0.01, reason };
    return {
      exact: 2e-3,
      optimised: 0.01,
      reason: `${reason}; before opset ${storingOpset} the whole cannot store it`,
    };
  }
  return float32;
}
