/**
 * The weights, none below zero, that minimise a sum of squares given by its normal equations: coordinate descent (Franc,
 * Hlavac and Navara, "Sequential coordinate-wise algorithm for the non-negative least squares problem", 2005).
 * @param square n x n, symmetric, no negative eigenvalue; @param target n.
 */
export function nonNegativeFit(square: Float64Array, target: Float64Array): Float64Array {
  const n = target.length;
  const weights = new Float64Array(n);
  const gradient = Float64Array.from(target, (value) => -value);
  for (let sweep = 0; sweep < 500; sweep++) {
    for (let f = 0; f < n; f++) {
      const curvature = square[f * n + f] ?? 0;
      if (curvature <= 0) continue;
      const before = weights[f] ?? 0;
      const next = Math.max(0, before - (gradient[f] ?? 0) / curvature);
      if (next === before) continue;
      weights[f] = next;
      for (let g = 0; g < n; g++) gradient[g] = (gradient[g] ?? 0) + (next - before) * (square[f * n + g] ?? 0);
    }
  }
  return weights;
}
