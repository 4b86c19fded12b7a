/** A rank's bounds and time: `costMs` for each unit, never fewer than `least` nor more than `most`. */
export interface UnitCost {
  readonly costMs: number;
  readonly least: number;
  readonly most: number;
}

/**
 * Whole units such that the largest time is least: each unit goes to the rank that then takes least, which is exact as times only
 * grow with units (O. Gross, 1956; T. Ibaraki and N. Katoh, Resource Allocation Problems, 1988, chapter 5). Undefined if bounds do not
 * allow it.
 */
export function divideUnits(units: number, ranks: readonly UnitCost[]): number[] | undefined {
  const given = ranks.map(({ least }) => least);
  let left = units - given.reduce((sum, count) => sum + count, 0);
  if (left < 0 || ranks.some(({ least, most }) => least > most)) return undefined;
  for (; left > 0; left--) {
    let best = -1;
    let bestMs = Infinity;
    for (const [i, { costMs, most }] of ranks.entries()) {
      const count = given[i] ?? 0;
      const ms = (count + 1) * costMs;
      if (count < most && (best < 0 || ms < bestMs)) {
        best = i;
        bestMs = ms;
      }
    }
    if (best < 0) return undefined;
    given[best] = (given[best] ?? 0) + 1;
  }
  return given;
}

/** The largest time of a division. */
export function slowestMs(counts: readonly number[], ranks: readonly { readonly costMs: number }[]): number {
  return Math.max(...counts.map((count, i) => count * (ranks[i]?.costMs ?? 0)));
}
