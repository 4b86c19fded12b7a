import type { CutpointError } from '@cutpoint/core';
import { fewRepeats } from './few-repeats.js';
import type { Log } from './log.js';

/** Logs errors that nobody waits for as warnings; one that repeats, once a minute with the number of the others. */
export function logProblems(log: Log): (error: CutpointError) => void {
  const kindOf = ({ code, message }: CutpointError): string => `${code} ${message}`;
  return fewRepeats<[CutpointError]>(
    (untold, { code, message }) => log.warn({ code, ...(untold > 0 ? { untold } : {}) }, message),
    { kindOf },
  );
}
