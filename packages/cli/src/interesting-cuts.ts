import type { Cut } from '@cutpoint/graph';

/** The two ends, and every cut where fewer bytes cross than at any cut before it: the others cost more and give less. */
export function interestingCuts(cuts: readonly Cut[]): Cut[] {
  let least = Number.POSITIVE_INFINITY;
  return cuts.filter((cut) => {
    if (cut.index === 0 || cut.index === cuts.length - 1) return true;
    if (cut.bytes >= least) return false;
    least = cut.bytes;
    return true;
  });
}
