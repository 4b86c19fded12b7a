import { CutpointError } from '@cutpoint/core';
import type { OnUnfit } from './rank-losses.js';
import type { RemoteRank } from './remote-rank.js';

/**
 * Which ranks sent others what they must not. Two that are out of step blame each other: rank 0 is believed first, then those
 * that nobody blames.
 * @param own whom rank 0 blames. @param others whom the ranks 1, 2, ... blame. @returns ranks other than 0, rising
 */
export function faultyRanks(own: readonly number[], others: readonly (readonly number[])[]): number[] {
  const blamed = new Set(others.flat());
  const unblamed = others.flatMap((each, i) => (blamed.has(i + 1) ? [] : each));
  const [believed = []] = [own, unblamed, [...blamed]].filter(({ length }) => length > 0);
  return [...new Set(believed)].filter((rank) => rank > 0 && rank <= others.length).toSorted((a, b) => a - b);
}

/** Asks all ranks whom they blame. @param own whom rank 0 does. @param failure what rank 0 noticed of it. */
export async function blameFaulty(
  ranks: readonly RemoteRank[],
  own: readonly number[],
  failure: CutpointError,
  onUnfit: OnUnfit | undefined,
): Promise<void> {
  // One that does not answer blames nobody, and is missed by its connection.
  const others = await Promise.all(ranks.map((rank) => rank.faulty().catch((): number[] => [])));
  for (const number of faultyRanks(own, others)) {
    const rank = ranks[number - 1];
    if (rank === undefined) continue;
    const message = `The rank at ${rank.url} is lost: it sent what it must not, or kept the others waiting: ${failure.message}`;
    onUnfit?.(rank, new CutpointError('CUT_RANK_LOST', message));
  }
}
