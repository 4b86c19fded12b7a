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
  const help = 'give one cut, as `cutpoint cuts` lists them, or a segments.json with two segments.';
  if (cuts.length === 0) throw new CutpointError('CUT_USAGE', `--at is missing: ${help}`);
  const message = `An agent and a server run two segments, but the model is cut at ${cuts.length} places: ${help}`;
  throw new CutpointError('CUT_USAGE', message);
}
