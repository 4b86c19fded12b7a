import { CutpointError } from '@cutpoint/core';

/**
 * The one cut of a split model and the segments before and behind it.
 * @throws CutpointError CUT_USAGE if the model is not cut at exactly one place.
 */
export function cutInTwo<C, S>({
  cuts,
  segments,
}: {
  readonly cuts: readonly C[];
  readonly segments: readonly S[];
}): {
  cut: C;
  front: S;
  back: S;
} {
  const [cut] = cuts;
  const [front, back] = segments;
  if (cuts.length === 1 && cut !== undefined && front !== undefined && back !== undefined) return { cut, front, back };
  const message = `An agent and a server run two segments, so the model must be cut at one place, not ${cuts.length}: give --at with one cut, or a segments.json with two segments.`;
  throw new CutpointError('CUT_USAGE', message);
}
