import type { Floats, PayloadCoder } from '../payload.js';
import { type Expected, headBytes, type RankLink, writeHead } from '../rank-link.js';
import type { Waiting } from '../waiting.js';
import type { MessagePool } from './message-pool.js';

/** Values as they travel: a message's head, and the payload behind it. */
export type Carrier = Uint8Array<ArrayBuffer>;

/** One all-reduce, as its topology sees it. */
export class ReduceCall {
  readonly rank: number;
  readonly ranks: number;
  readonly #links: readonly (RankLink | undefined)[];
  readonly #expected: Expected;
  readonly #coder: PayloadCoder;
  readonly #pool: MessagePool;
  readonly #waiting: Waiting;
  readonly #carriers: Carrier[] = [];

  constructor(
    rank: number,
    links: readonly (RankLink | undefined)[],
    expected: Expected,
    coder: PayloadCoder,
    pool: MessagePool,
    waiting: Waiting,
  ) {
    this.rank = rank;
    this.ranks = links.length;
    this.#links = links;
    this.#expected = expected;
    this.#coder = coder;
    this.#pool = pool;
    this.#waiting = waiting;
  }

  carry(values: Floats): Carrier {
    const carrier = this.#carrier(values.length);
    writeHead(carrier, this.#expected, carrier.length - headBytes);
    this.#coder.encode(values, carrier.subarray(headBytes));
    return carrier;
  }

  /** What whoever receives a carrier reads from it. */
  valuesOf(carrier: Carrier, count: number): Floats {
    return this.#coder.decode(carrier.subarray(headBytes), count);
  }

  send(carrier: Carrier, to: number): void {
    this.#link(to).send(carrier);
  }

  /** @param count of values that the other rank sends. */
  async receive(from: number, count: number): Promise<Carrier> {
    const carrier = this.#carrier(count);
    this.#waiting.enter();
    try {
      await this.#link(from).receive(this.#expected, carrier.subarray(headBytes));
    } finally {
      this.#waiting.leave();
    }
    return carrier;
  }

  /** The call is over: what it used may be used again, unless it is still being sent. */
  finish(): void {
    if (this.#links.some((link) => link?.isSent === false)) return;
    for (const carrier of this.#carriers) this.#pool.give(carrier);
  }

  #carrier(count: number): Carrier {
    const carrier = this.#pool.take(headBytes + this.#coder.bytesOf(count));
    this.#carriers.push(carrier);
    return carrier;
  }

  #link(rank: number): RankLink {
    const link = this.#links[rank];
    if (link === undefined) throw new RangeError(`Rank ${this.rank} has no link to rank ${rank}.`);
    return link;
  }
}
