import type { CutpointError } from '@cutpoint/core';
import type { GroupCost, RankGroup } from './rank-group.js';
import { rankLost } from './rank-link.js';

/** Groups of ranks in one thread: what is sent is handed over. */
export function memoryGroups(ranks: number): RankGroup[] {
  const shared = {
    sums: new Map<number, Sum>(),
    broadcasts: Array.from({ length: ranks }, () => new Queue<Uint8Array<ArrayBuffer>>()),
    given: Array.from({ length: ranks }, () => new Queue<Float32Array<ArrayBuffer>>()),
  };
  return Array.from({ length: ranks }, (_, rank) => new MemoryGroup(rank, ranks, shared));
}

interface Shared {
  readonly sums: Map<number, Sum>;
  readonly broadcasts: Queue<Uint8Array<ArrayBuffer>>[];
  readonly given: Queue<Float32Array<ArrayBuffer>>[];
}

interface Sum {
  readonly parts: (Float32Array | undefined)[];
  readonly done: Promise<Float32Array>;
  resolve(sum: Float32Array): void;
}

class MemoryGroup implements RankGroup {
  #reduced = 0;

  constructor(
    readonly rank: number,
    readonly ranks: number,
    readonly shared: Shared,
  ) {}

  async allReduce(values: Float32Array<ArrayBuffer>): Promise<void> {
    const number = this.#reduced++;
    const sum = this.shared.sums.get(number) ?? openSum(this.ranks);
    this.shared.sums.set(number, sum);
    sum.parts[this.rank] = values.slice();
    if (Object.values(sum.parts).filter((part) => part !== undefined).length === this.ranks) {
      const total = new Float32Array(values.length);
      for (const part of sum.parts) for (const [i, value] of part?.entries() ?? []) total[i] = (total[i] ?? 0) + value;
      sum.resolve(total);
      this.shared.sums.delete(number);
    }
    values.set(await sum.done);
  }

  broadcast(message: Uint8Array): void {
    for (const queue of this.shared.broadcasts.slice(1)) queue.put(Uint8Array.from(message));
  }

  async nextBroadcast(): Promise<Uint8Array<ArrayBuffer>> {
    return await (this.shared.broadcasts[this.rank] ?? new Queue()).next();
  }

  contribute(values: Float32Array<ArrayBuffer>): void {
    this.shared.given[this.rank]?.put(values);
  }

  async collect(): Promise<Float32Array<ArrayBuffer>[]> {
    return await Promise.all(this.shared.given.slice(1).map((queue) => queue.next()));
  }

  takeCost(): GroupCost {
    return { waitMs: 0, totalMs: 0, sentBytes: 0, receivedBytes: 0 };
  }

  giveUp(rank: number, why: string): CutpointError {
    return rankLost(rank, why);
  }

  end(): void {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

function openSum(ranks: number): Sum {
  let resolve: (sum: Float32Array) => void = () => {};
  const done = new Promise<Float32Array>((resolveSum) => {
    resolve = resolveSum;
  });
  return { parts: new Array<Float32Array | undefined>(ranks).fill(undefined), done, resolve };
}

class Queue<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];

  put(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#items.push(item);
    else waiting(item);
  }

  async next(): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return item;
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }
}
