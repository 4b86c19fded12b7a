import type { GroupCost } from '../group/rank-group.js';

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

const fields = ['computeMs', 'waitMs', 'syncMs', 'sentBytes', 'receivedBytes'] as const;

/** Numbers that a rank adds to what it contributes. */
export const costLength = fields.length;

export function rankCost(computeMs: number, { waitMs, totalMs, sentBytes, receivedBytes }: GroupCost): RankCost {
  return { computeMs, waitMs, syncMs: totalMs, sentBytes, receivedBytes };
}

export function costNumbers(cost: RankCost): number[] {
  return fields.map((field) => cost[field]);
}

/** Sums of what ranks spent, in memory that two threads see. */
export class RankCosts {
  readonly #sums: Float64Array<SharedArrayBuffer>;

  /** @param memory from `RankCosts.memory`. */
  constructor(memory: SharedArrayBuffer) {
    this.#sums = new Float64Array(memory);
  }

  static memory(ranks: number): SharedArrayBuffer {
    return new SharedArrayBuffer(ranks * costLength * Float64Array.BYTES_PER_ELEMENT);
  }

  add(rank: number, cost: ArrayLike<number>): void {
    for (let i = 0; i < costLength; i++) {
      const at = rank * costLength + i;
      this.#sums[at] = (this.#sums[at] ?? 0) + (cost[i] ?? 0);
    }
  }

  /** Of each rank, since the threads began. */
  read(): RankCost[] {
    return Array.from({ length: this.#sums.length / costLength }, (_, rank) => {
      const [computeMs = 0, waitMs = 0, syncMs = 0, sentBytes = 0, receivedBytes = 0] = this.#sums.subarray(
        rank * costLength,
        (rank + 1) * costLength,
      );
      return { computeMs, waitMs, syncMs, sentBytes, receivedBytes };
    });
  }
}
