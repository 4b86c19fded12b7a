import type { CutpointError } from '@cutpoint/core';
import { fewOfAFlood } from './few-of-a-flood.js';
import { fewRepeats } from './few-repeats.js';
import type { Log } from './log.js';

/**
 * Logs errors that nobody waits for as warnings; one that repeats, once a minute with the number of the others, and of a flood
 * of different ones, as forged messages cause, only some.
 */
export function logProblems(log: Log): (error: CutpointError) => void {
  const kindOf = ({ code, message }: CutpointError): string => `${code} ${message}`;
  const some = fewOfAFlood<[number, CutpointError]>((untold, repeats, { code, message }) => {
    const more = untold + repeats;
    log.warn({ code, ...(more > 0 ? { untold: more } : {}) }, message);
  });
  return fewRepeats<[CutpointError]>((repeats, error) => some(repeats, error), { kindOf });
}
