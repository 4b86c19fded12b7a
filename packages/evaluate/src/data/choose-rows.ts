/** Which rows are wanted: what calibrates never evaluates. */
export type Purpose = 'calibrate' | 'evaluate' | 'all';

/** One row in so many calibrates. */
export const calibrationEvery = 4;

/**
 * The rows for a purpose, in an order that mixes them (data sets are often sorted by class) and is always the same, so that
 * the first 100 are also among the first 200. Rows 0, 4, 8, ... calibrate, all others evaluate.
 */
export function chooseRows(rows: number, purpose: Purpose, limit = Infinity): number[] {
  const all = Array.from({ length: rows }, (_, row) => row);
  const chosen = all.filter((row) => purpose === 'all' || (row % calibrationEvery === 0) === (purpose === 'calibrate'));
  shuffle(chosen);
  return chosen.slice(0, limit);
}

/** R. A. Fisher and F. Yates, by a linear congruential generator (W. H. Press et al., Numerical Recipes, "quick and dirty"). */
function shuffle(rows: number[]): void {
  let state = 1;
  for (let i = rows.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    const [a, b] = [rows[i] ?? 0, rows[j] ?? 0];
    rows[i] = b;
    rows[j] = a;
  }
}
