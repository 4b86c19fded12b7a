import { CutpointError } from '@cutpoint/core';
import { type Cut, fewestBytes } from '@cutpoint/graph';

/** The cut that the fewest bytes cross, of those that leave work to both sides; of equals the first. */
export function chooseCut<C extends Pick<Cut, 'bytes'>>(cuts: readonly C[]): C {
  const best = fewestBytes(cuts.slice(1, -1));
  if (best !== undefined) return best;
  throw new CutpointError('CUT_ILLEGAL_CUT', 'The model has no cut between its first and its last node.');
}
