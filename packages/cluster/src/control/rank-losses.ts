import { asCutpointError, CutpointError } from '@cutpoint/core';
import type { Loss } from './members.js';
import type { RemoteRank } from './remote-rank.js';
import type { SilentLink } from './silent-link.js';

/** Hears of a rank without which the others are better brought together, and why. */
export type OnUnfit = (rank: RemoteRank, reason: CutpointError) => void;

/** Its connection is closed. */
export function lost({ url }: RemoteRank, { message }: CutpointError): CutpointError {
  return new CutpointError('CUT_RANK_LOST', `The rank at ${url} is lost: ${message}`);
}

/** It is there, but a link to another rank brings nothing, or it stands still. */
export function cutOff({ url }: RemoteRank, { kind, waiting, silent, silentMs }: SilentLink): CutpointError {
  const why = kind === 'cut' ? 'the link between them is cut' : 'it stands still (is its disk well?)';
  const seconds = (silentMs / 1000).toFixed(1);
  const message = `The rank at ${url} is lost: rank ${waiting} waited ${seconds} s for rank ${silent} and heard nothing, though both are there; ${why}.`;
  return new CutpointError('CUT_RANK_LOST', message);
}

/** What those that were left failed with, and whom they were left by. */
export function besides(error: CutpointError, losses: readonly Loss[]): CutpointError {
  if (losses.length === 0) return error;
  const told = losses.map(({ rank, reason }) => `${rank} (${reason.message})`).join(', ');
  const message = `${error.message} Lost before that: ${told}`;
  return new CutpointError(error.code, message, { cause: error });
}

/** Failures that other ranks, or the same ones brought together anew, may do without. */
export function isLoss({ code }: CutpointError): boolean {
  return (
    code === 'CUT_RANK_LOST' ||
    code === 'CUT_CONNECTION_LOST' ||
    code === 'CUT_WORKER_DIED' ||
    code === 'CUT_RANK_MISSING'
  );
}

/** Others ended the work, or it is about another rank: nothing is said about this one. */
function isOfOthers(error: CutpointError): boolean {
  return isLoss(error) || error.code === 'CUT_CANCELLED' || error.code === 'CUT_RANK_REFUSED';
}

/** Says which rank it is about, and that it is unfit if it fails by itself. */
export async function blaming<T>(
  number: number,
  rank: RemoteRank,
  onUnfit: OnUnfit | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
    const error = new CutpointError(code, `Rank ${number} at ${rank.url}: ${message}`, { cause: thrown });
    if (!isOfOthers(error)) onUnfit?.(rank, error);
    throw error;
  }
}

/** The failure that the others follow from, if it is known. */
export function mostTelling(settled: readonly PromiseSettledResult<unknown>[]): CutpointError | undefined {
  return settled
    .flatMap((each) => (each.status === 'rejected' ? [asCutpointError(each.reason, 'CUT_INTERNAL')] : []))
    .find((error) => !isOfOthers(error));
}
