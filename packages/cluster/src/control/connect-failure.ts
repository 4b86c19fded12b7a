import { asCutpointError, CutpointError, type ErrorCode } from '@cutpoint/core';

const advice: Partial<Record<ErrorCode, string>> = {
  CUT_UNREACHABLE: ' Start `cutpoint cluster join` there, or check the address and the firewall.',
  CUT_UNAUTHORISED: ' Name the file with its token: --token-file (of `cluster serve`: --rank-token-file).',
  CUT_TLS: ' Name the file with the authority of its certificate: --ca (of `cluster serve`: --rank-ca).',
};

/** Which rank could not be connected to, why, and what to do. @param thrown by `connect`. */
export function connectFailure(rank: number, url: string | undefined, thrown: unknown): CutpointError {
  const { code, message } = asCutpointError(thrown, 'CUT_UNREACHABLE');
  const ofRank = code === 'CUT_UNREACHABLE' ? 'CUT_RANK_MISSING' : code;
  return new CutpointError(ofRank, `Rank ${rank} at ${url}: ${message}${advice[code] ?? ''}`, { cause: thrown });
}
