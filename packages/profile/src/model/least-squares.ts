/** One equation: the sum of `x[j] * answer[j]` should be `y`; the larger the weight, the more it counts. */
export interface Row {
  readonly x: readonly number[];
  readonly y: number;
  readonly weight: number;
}

/** How much unlike the expected values an answer may be, as a weight against the rows'; 0 if there are none. */
export interface Expected {
  readonly values: readonly number[];
  readonly weight: number;
}

const maxSweeps = 2_000;
const enough = 1e-9;

/**
 * Non-negative least squares with a pull towards expected values (ridge): minimises the sum over rows of
 * (weight * (x . a - y))^2 plus (expected.weight * (a - expected.values))^2 over all a >= 0, one coordinate after the
 * other until nothing moves. The problem is convex, so this finds the minimum (Franc, Hlavac, Navara: Sequential
 * coordinate-wise algorithm for the non-negative least squares problem, 2005).
 */
export function nonNegativeLeastSquares(rows: readonly Row[], expected: Expected): number[] {
  const size = expected.values.length;
  const pull = expected.weight ** 2;
  const gram = Array.from({ length: size }, (_, j) =>
    Array.from({ length: size }, (_, k) =>
      rows.reduce((sum, { x, weight }) => sum + weight ** 2 * at(x, j) * at(x, k), 0),
    ),
  );
  const target = expected.values.map(
    (value, j) => rows.reduce((sum, { x, y, weight }) => sum + weight ** 2 * at(x, j) * y, 0) + pull * value,
  );
  const answer = [...expected.values];
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    let moved = 0;
    for (let j = 0; j < size; j++) {
      const own = at(gram[j] ?? [], j) + pull;
      if (own === 0) continue;
      const others = dot(gram[j] ?? [], answer) - at(gram[j] ?? [], j) * at(answer, j);
      const next = Math.max(0, (at(target, j) - others) / own);
      moved = Math.max(moved, Math.abs(next - at(answer, j)));
      answer[j] = next;
    }
    if (moved < enough) break;
  }
  return answer;
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * at(b, i), 0);
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? 0;
}
