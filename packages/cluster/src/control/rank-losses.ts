import { CutpointError } from '@cutpoint/core';
import type { RemoteRank } from './remote-rank.js';
import type { SilentLink } from './silent-link.js';

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

/** Failures that other ranks, or the same ones brought together anew, may do without. */
export function isLoss({ code }: CutpointError): boolean {
  return (
    code === 'CUT_RANK_LOST' ||
    code === 'CUT_CONNECTION_LOST' ||
    code === 'CUT_WORKER_DIED' ||
    code === 'CUT_RANK_MISSING'
  );
}
