import { CutpointError } from '@cutpoint/core';
import type { Cut } from '@cutpoint/graph';

/** The cut that the fewest bytes cross, of those that leave work to both sides; of equals the first. */
export function chooseCut(cuts: readonly Cut[]): Cut {
  const best = fewestBytes(cuts.slice(1, -1));
  if (best !== undefined) return best;
  throw new CutpointError('CUT_ILLEGAL_CUT', 'The model has no cut between its first and its last node.');
}

/** The weights are divided into so many equal parts, and the table shows a cut in each. */
const parts = 8;

/**
 * The cuts that show what there is to choose from, in order: both ends, the one used, the one that the most bytes
 * cross, and for each eighth of the weights on the agent the cut that the fewest bytes cross.
 */
export function interestingCuts(cuts: readonly Cut[], used: Cut): readonly Cut[] {
  const inner = cuts.slice(1, -1);
  const total = cuts.at(-1)?.frontWeightBytes ?? 0;
  const partOf = (cut: Cut) => Math.min(parts - 1, Math.floor((cut.frontWeightBytes / total) * parts));
  const byPart = Array.from({ length: parts }, (_, part) => inner.filter((cut) => partOf(cut) === part));
  const shown = new Set([cuts[0], cuts.at(-1), used, mostBytes(inner), ...byPart.map(fewestBytes)]);
  return cuts.filter((cut) => shown.has(cut));
}

function fewestBytes(cuts: readonly Cut[]): Cut | undefined {
  return cuts.toSorted((a, b) => a.bytes - b.bytes)[0];
}

function mostBytes(cuts: readonly Cut[]): Cut | undefined {
  return cuts.toSorted((a, b) => b.bytes - a.bytes)[0];
}
