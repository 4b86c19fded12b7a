import type { CutpointError } from '@cutpoint/core';

/**
 * One rank's end of what a cluster's ranks send one another while they compute. All ranks make the same calls in the same
 * order; nothing else is sent on its sockets. Whatever waits rejects once the group has ended: with CUT_RANK_LOST, naming the rank, if
 * a socket closed or a rank sent what it must not, or with the error given to `end`.
 */
export interface RankGroup extends AsyncDisposable {
  readonly rank: number;
  readonly ranks: number;
  /**
   * Replaces values by their sum over all ranks. Values are added in an order that arrival does not change, and every rank
   * gets the same bits. More of these may be under way at a time; every other call waits until all are done.
   * @param part which part of the residual stream the values are, if they are not the whole: below f32, what rounding took
   * from a sum goes into the next one of that part, until something else than a sum is sent.
   */
  allReduce(values: Float32Array<ArrayBuffer>, part?: number): Promise<void>;
  /** At rank 0: sends a message to all others. */
  broadcast(message: Uint8Array): void;
  /** At all others: the next message that rank 0 sends; waits for it as long as it takes. @param mostBytes it may have. */
  nextBroadcast(mostBytes: number): Promise<Uint8Array<ArrayBuffer>>;
  /** At all but rank 0: sends values that rank 0 collects. */
  contribute(values: Float32Array<ArrayBuffer>): void;
  /** At rank 0: what the ranks 1, 2, ... contribute. @param lengths in elements, in that order. */
  collect(lengths: readonly number[]): Promise<Float32Array<ArrayBuffer>[]>;
  /** What the calls cost since this was called last. */
  takeCost(): GroupCost;
  /**
   * Ends the group because of what a rank did, which then counts as one that did what it must not.
   * @returns the CUT_RANK_LOST that whatever waits rejects with.
   */
  giveUp(rank: number, why: string): CutpointError;
  /** Closes all sockets; whatever waits rejects with the error. */
  end(error: Error): void;
}

export interface GroupCost {
  /** In which the rank stood still for others: from its own bytes given away to the last byte's arrival. */
  readonly waitMs: number;
  /** Of all calls, waiting included. */
  readonly totalMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Who sends to whom in an all-reduce. */
export const topologies = ['star', 'mesh', 'ring', 'tree'] as const;
export type Topology = (typeof topologies)[number];

/** How partial sums travel: as they are, in half precision, or as signed bytes with a scale for each block of 32. */
export const payloads = ['f32', 'f16', 'i8'] as const;
export type Payload = (typeof payloads)[number];

/** What all-reduces of up to so many bytes of f32 use; all ranks have the same list, in rising order, the last without bound. */
export interface ReduceRule {
  readonly mostBytes: number;
  readonly topology: Topology;
  readonly payload: Payload;
}
