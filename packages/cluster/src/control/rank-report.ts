import type { NextTokens } from '@cutpoint/llm';
import type { RankCost, WindowCost } from '../engine/rank-costs.js';

/** A rank, and what it spent since it was brought together with the others. */
export interface RankReading extends RankCost {
  /** Its address. */
  readonly rank: string;
  readonly weightsBytes: number;
}

/** What rank 0 knows of a rank, and what only the rank knows. */
export interface RankReport extends RankReading {
  /** The most that its process ever held; null of a rank that cannot be asked any more. */
  readonly peakRssBytes: number | null;
  /** For a token, lately; null where all half layers stay in memory without being asked for. */
  readonly window: (WindowCost & { readonly budgetBytes: number }) | null;
}

/** Of rank 0 alone, whose passes are not divided. */
export const noCost: RankCost = { computeMs: 0, waitMs: 0, syncMs: 0, sentBytes: 0, receivedBytes: 0 };

export function windowOf(window: WindowCost | undefined, budgetBytes: number | undefined): RankReport['window'] {
  return window === undefined || budgetBytes === undefined ? null : { budgetBytes, ...window };
}

/** What rank 0 spent on one pass. */
export function spent(before: RankCost, after: RankCost): Partial<NextTokens['cost']> {
  return {
    agentMs: after.computeMs - before.computeMs,
    linkMs: after.syncMs - before.syncMs,
    upBytes: after.sentBytes - before.sentBytes,
    downBytes: after.receivedBytes - before.receivedBytes,
  };
}
