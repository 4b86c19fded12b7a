import type { Rung } from './rung.js';

/** What a request has left, and its size. */
export interface Budget {
  readonly leftMs: number;
  readonly bytes: number;
  /** The request tries whether a link that failed is well again. */
  readonly trial: boolean;
}

type Paced = Pick<Rung<never, unknown>, 'pace'>;

/** Of the time of a rung of which nothing is known. */
const unknownShare = 0.5;
/** Nothing faster is called slow, however little time there was. */
const leastBlameMs = 50;
/** A trial may take as long, though what comes after it is fast: with the longest rest after it, a link is back within 3 s. */
const leastTrialMs = 1_000;

/**
 * How long a rung may take before the next is begun beside it, in ms: its usual time and a margin, but never so long that
 * those behind it lose theirs. The last gets what it needs by measurement. Those between share the rest evenly; where
 * that would be less than the rung usually takes, it is better to leave them out.
 */
export function waitMs(rung: Paced, behind: readonly Paced[], budget: Budget): number {
  const patienceMs = rung.pace.patienceMs(budget.bytes) ?? Number.POSITIVE_INFINITY;
  return Math.min(patienceMs, shareMs(rung, behind, budget));
}

/**
 * After how long without an answer a link counts as slow: compared with what it did before, and with the share of the
 * deadline that it had, unless that was less than it usually takes.
 */
export function blamedAfterMs(rung: Paced, behind: readonly Paced[], budget: Budget): number {
  const { pace } = rung;
  const usualMs = pace.of(budget.bytes)?.p95Ms ?? 0;
  const sharedMs = Math.max(leastBlameMs, usualMs, shareMs(rung, behind, budget));
  return Math.min(pace.patienceMs(budget.bytes) ?? Number.POSITIVE_INFINITY, sharedMs);
}

function shareMs({ pace }: Paced, behind: readonly Paced[], { leftMs, bytes, trial }: Budget): number {
  const last = behind.at(-1);
  if (last === undefined) return leftMs;
  const freeMs = Math.max(0, leftMs - (last.pace.reserveMs(bytes) ?? leftMs * unknownShare));
  const usualMs = pace.of(bytes)?.p95Ms;
  const evenMs = freeMs / behind.length;
  const sharedMs = evenMs < (usualMs ?? 0) ? freeMs : evenMs;
  return trial && usualMs === undefined ? Math.min(sharedMs, worthMs(last, bytes)) : sharedMs;
}

/** A link that failed before it ever answered is not waited for much longer than what is known to answer takes. */
function worthMs({ pace }: Paced, bytes: number): number {
  const patienceMs = pace.patienceMs(bytes) ?? Number.POSITIVE_INFINITY;
  return Math.max(leastTrialMs, patienceMs);
}
