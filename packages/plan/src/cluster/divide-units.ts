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
  if (ranks.some(({ least, most }) => least > most)) return undefined;
  const given = firstUnits(units, ranks);
  let left = units - given.reduce((sum, count) => sum + count, 0);
  if (left < 0) return undefined;
  for (; left > 0; left--) {
    let best = -1;
    let bestMs = Infinity;
    for (let rank = 0; rank < ranks.length; rank++) {
      const { costMs, most } = ranks[rank] as UnitCost;
      const count = given[rank] as number;
      const ms = (count + 1) * costMs;
      if (count < most && (best < 0 || ms < bestMs)) {
        best = rank;
        bestMs = ms;
      }
    }
    if (best < 0) return undefined;
    given[best] = (given[best] as number) + 1;
  }
  return given;
}

/**
 * All units that are done within a time for which they are enough, so that only a few are left to be given one by one. The time is what
 * all would take if units could be cut; it rises as ranks that are full by then are left out of it.
 */
function firstUnits(units: number, ranks: readonly UnitCost[]): number[] {
  let withinMs = 0;
  for (;;) {
    let left = units;
    let unitsPerMs = 0;
    for (const { costMs, least, most } of ranks) {
      const isFull = most * costMs <= withinMs;
      left -= isFull ? most : least;
      if (!isFull) unitsPerMs += 1 / costMs;
    }
    const nextMs = left / unitsPerMs;
    if (!(nextMs > withinMs)) break;
    withinMs = nextMs;
  }
  if (withinMs === 0) return ranks.map(({ least }) => least);
  return ranks.map(({ costMs, least, most }) => Math.max(least, Math.min(most, Math.floor(withinMs / costMs))));
}

/** The largest time of a division. */
export function slowestMs(counts: readonly number[], ranks: readonly { readonly costMs: number }[]): number {
  return Math.max(...counts.map((count, i) => count * (ranks[i]?.costMs ?? 0)));
}
