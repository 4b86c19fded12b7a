import { CutpointError, isErrorCode } from '@cutpoint/core';
import type { TriedRung } from './rung.js';

/** Says in one sentence why no rung answered, under the code of the one that should have. */
export function noneAnswered(tried: readonly TriedRung[]): CutpointError {
  const failed = tried.filter(({ outcome }) => outcome === 'failed');
  const [first] = failed;
  const reasons = tried.map(({ rung, outcome, code, message }) => `${rung}: ${message ?? code ?? outcome}`);
  const told = reasons.length === 0 ? 'there is none' : reasons.join(' ');
  return new CutpointError(
    isErrorCode(first?.code) ? first.code : 'CUT_UNREACHABLE',
    `No way to an answer is left. ${told}`,
  );
}
