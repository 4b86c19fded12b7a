import { createHash, timingSafeEqual } from 'node:crypto';
import { CutpointError } from '@cutpoint/core';

/** @throws CutpointError CUT_UNAUTHORISED; takes the same time wherever the tokens differ. */
export function checkToken(expected: string | undefined, given: string | undefined): void {
  if (expected === undefined) return;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  if (timingSafeEqual(digest(expected), digest(given ?? '')) && given !== undefined) return;
  const what = given === undefined ? 'A token is needed here, and none was given' : 'The token is wrong';
  throw new CutpointError('CUT_UNAUTHORISED', `${what}: give the one that the server was started with.`);
}
