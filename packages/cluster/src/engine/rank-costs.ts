import type { GroupCost } from '../group/rank-group.js';
import type { HalvesReport } from './half-sessions.js';

/** What a rank spent. */
export interface RankCost {
  readonly computeMs: number;
  /** In which it stood still for other ranks. */
  readonly waitMs: number;
  /** Of all-reduces and what else the ranks tell one another, waiting included. */
  readonly syncMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** What a rank's window takes for a token, lately. */
export interface WindowCost {
  /** Sessions that all pass through which do not stay; 0: each is opened when its turn comes. */
  readonly slots: number;
  /** Read from disk again for each token. */
  readonly streamedBytes: number;
  /** Reading it, by the thread that reads. */
  readonly readMs: number;
  /** Opening it, by the thread that computes. */
  readonly openMs: number;
  /** Running half layers, with what ranks tell one another between two of them. */
  readonly busyMs: number;
  /** In which the thread that computes stood still for the disk. */
  readonly waitMs: number;
}

const fields = ['computeMs', 'waitMs', 'syncMs', 'sentBytes', 'receivedBytes'] as const;
const windowFields = ['slots', 'streamedBytes', 'readMs', 'openMs', 'busyMs', 'waitMs'] as const;

/** In one pass: no rank spends a year or sends a petabyte. */
const mostSpent = 1e15;

/** Numbers that a rank adds to what it contributes: what it spent, and what its window takes. */
export const costLength = fields.length + windowFields.length;

export function rankCost(computeMs: number, { waitMs, totalMs, sentBytes, receivedBytes }: GroupCost): RankCost {
  return { computeMs, waitMs, syncMs: totalMs, sentBytes, receivedBytes };
}

/** @param window of a rank that has one. */
export function costNumbers(cost: RankCost, window: HalvesReport | undefined): number[] {
  const taken = window && { ...window, streamedBytes: window.plan.streamedBytes };
  return [...fields.map((field) => cost[field]), ...windowFields.map((field) => taken?.[field] ?? 0)];
}

/** Sums of what ranks spent, and what their windows take, in memory that two threads see. */
export class RankCosts {
  readonly #sums: Float64Array<SharedArrayBuffer>;

  /** @param memory from `RankCosts.memory`. */
  constructor(memory: SharedArrayBuffer) {
    this.#sums = new Float64Array(memory);
  }

  static memory(ranks: number): SharedArrayBuffer {
    return new SharedArrayBuffer(ranks * costLength * Float64Array.BYTES_PER_ELEMENT);
  }

  /** What a rank says of itself that cannot be counts as 0. */
  add(rank: number, cost: ArrayLike<number>): void {
    for (let i = 0; i < costLength; i++) {
      const at = rank * costLength + i;
      const before = i < fields.length ? (this.#sums[at] ?? 0) : 0;
      const spent = cost[i] ?? 0;
      this.#sums[at] = before + (spent >= 0 && spent < mostSpent ? spent : 0);
    }
  }

  /** Of each rank, since the threads began. */
  read(): RankCost[] {
    return Array.from({ length: this.#sums.length / costLength }, (_, rank) => {
      const [computeMs = 0, waitMs = 0, syncMs = 0, sentBytes = 0, receivedBytes = 0] = this.#of(rank);
      return { computeMs, waitMs, syncMs, sentBytes, receivedBytes };
    });
  }

  /** Of each rank, with its last pass; all 0 of one without a window. */
  windows(): WindowCost[] {
    return Array.from({ length: this.#sums.length / costLength }, (_, rank) => {
      const window = this.#of(rank).subarray(fields.length);
      const [slots = 0, streamedBytes = 0, readMs = 0, openMs = 0, busyMs = 0, waitMs = 0] = window;
      return { slots, streamedBytes, readMs, openMs, busyMs, waitMs };
    });
  }

  #of(rank: number): Float64Array {
    return this.#sums.subarray(rank * costLength, (rank + 1) * costLength);
  }
}
