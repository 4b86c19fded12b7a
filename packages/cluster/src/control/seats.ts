import { CutpointError } from '@cutpoint/core';
import type { RankEndpoint, RemoteRank } from './remote-rank.js';

/** What a rank is in its cluster. */
export interface Seat {
  readonly endpoint: RankEndpoint;
  /** Its rank when all were there. */
  readonly place: number;
  /** What it can do, as the others'. */
  readonly share: number;
  readonly windowBytes: number | undefined;
}

/** A rank that is there. */
export interface Member extends Seat {
  readonly rank: RemoteRank;
}

/**
 * Seats of the ranks 1, 2, ...
 * @param shares, windowBytes of all ranks, rank 0 first; the latter may be one number for all.
 * @throws CutpointError CUT_USAGE if there are others than ranks
 */
export function seatsOf(
  others: readonly RankEndpoint[],
  shares: readonly number[] = [1, ...others.map(() => 1)],
  windowBytes?: readonly number[],
): Seat[] {
  const ranks = others.length + 1;
  if (shares.length !== ranks) {
    const message = `There are ${ranks} ranks, and shares for ${shares.length}: state one for each, rank 0 first.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  if (windowBytes !== undefined && ![1, ranks].includes(windowBytes.length)) {
    const message = `There are ${ranks} ranks, and windows for ${windowBytes.length}: state one for all, or one for each, rank 0 first.`;
    throw new CutpointError('CUT_USAGE', message);
  }
  return others.map((endpoint, i) => ({
    endpoint,
    place: i + 1,
    share: shares[i + 1] ?? 1,
    windowBytes: windowBytes?.[i + 1] ?? windowBytes?.[0],
  }));
}
