import { CutpointError } from '@cutpoint/core';
import type { Cut } from '@cutpoint/graph';

/** A line of the table of cuts: the cut and, in few words, why it is shown. */
export interface InterestingCut {
  readonly cut: Cut;
  readonly remark: string;
}

/** The cut that the fewest bytes cross, of those that leave work to both sides; of equals the first. */
export function chooseCut(cuts: readonly Cut[]): Cut {
  const [first, ...others] = cuts.slice(1, -1);
  if (first === undefined) {
    throw new CutpointError('CUT_ILLEGAL_CUT', 'The model has no cut between its first and its last node.');
  }
  return others.reduce((best, cut) => (cut.bytes < best.bytes ? cut : best), first);
}

/** How many cuts the table shows besides the ends, the one used and the worst: one for each part of the weights. */
const parts = 8;

/**
 * The cuts that show what there is to choose from: both ends, the one used, the one that the most bytes cross, and
 * for each eighth of the weights the cut that the fewest bytes cross. At most 12, in order.
 */
export function interestingCuts(cuts: readonly Cut[], used: Cut): InterestingCut[] {
  const remarks = new Map<Cut | undefined, string>();
  const total = cuts.at(-1)?.frontWeightBytes ?? 0;
  for (let part = 0; part < parts; part++) {
    const isInPart = (cut: Cut) => Math.min(parts - 1, Math.floor((cut.frontWeightBytes / total) * parts)) === part;
    const within = cuts.slice(1, -1).filter(isInPart);
    remarks.set(least(within), '');
  }
  remarks.set(least(cuts.slice(1, -1), -1), 'the most bytes cross');
  remarks.set(cuts[0], 'everything on the server');
  remarks.set(cuts.at(-1), 'everything on the agent');
  remarks.set(used, 'used below');
  return cuts.flatMap((cut) => {
    const remark = remarks.get(cut);
    return remark === undefined ? [] : [{ cut, remark }];
  });
}

/** The first cut that the fewest bytes cross, or with `sign` -1 the most. */
function least(cuts: readonly Cut[], sign: 1 | -1 = 1): Cut | undefined {
  return cuts.reduce<Cut | undefined>(
    (best, cut) => (best === undefined || cut.bytes * sign < best.bytes * sign ? cut : best),
    undefined,
  );
}
