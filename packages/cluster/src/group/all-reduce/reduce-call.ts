import type { Floats, PayloadCoder } from '../payload.js';
import { type Expected, headBytes, type RankLink, writeHead } from '../rank-link.js';
import type { Waiting } from '../waiting.js';
import type { Feedback } from './feedback.js';
import type { MessagePool } from './message-pool.js';

/** Values as they travel: a message's head, and the payload behind it. */
export type Carrier = Uint8Array<ArrayBuffer>;

/** What all calls of a group share. */
export interface ReduceMeans {
  readonly rank: number;
  /** By rank; none to the rank itself. */
  readonly links: readonly (RankLink | undefined)[];
  readonly pool: MessagePool;
  readonly waiting: Waiting;
  readonly feedback: Feedback;
}

/** One all-reduce, as its topology sees it. */
export class ReduceCall {
  readonly rank: number;
  readonly ranks: number;
  readonly #means: ReduceMeans;
  readonly #expected: Expected;
  readonly #coder: PayloadCoder;
  readonly #part: number;
  readonly #carriers: Carrier[] = [];
  #carried = 0;

  /** @param part as `RankGroup.allReduce` has it. */
  constructor(means: ReduceMeans, expected: Expected, coder: PayloadCoder, part: number) {
    this.rank = means.rank;
    this.ranks = means.links.length;
    this.#means = means;
    this.#expected = expected;
    this.#coder = coder;
    this.#part = part;
  }

  carry(values: Floats): Carrier {
    const carrier = this.#carrier(values.length);
    const payload = carrier.subarray(headBytes);
    if (this.#coder.exact) {
      this.#coder.encode(values, payload);
      return carrier;
    }
    const place = `${this.#part} ${this.#carried++}`;
    const restored = this.#means.feedback.restored(place, values);
    this.#coder.encode(restored, payload);
    this.#means.feedback.keep(place, restored, this.#coder.decode(payload, values.length));
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
    this.#means.waiting.enter();
    try {
      await this.#link(from).receive(this.#expected, carrier.subarray(headBytes));
    } finally {
      this.#means.waiting.leave();
    }
    return carrier;
  }

  /** The call is over: what it used may be used again, unless it is still being sent. */
  finish(): void {
    if (this.#means.links.some((link) => link?.isSent === false)) return;
    for (const carrier of this.#carriers) this.#means.pool.give(carrier);
  }

  #carrier(count: number): Carrier {
    const carrier = this.#means.pool.take(headBytes + this.#coder.bytesOf(count));
    writeHead(carrier, this.#expected, carrier.length - headBytes);
    this.#carriers.push(carrier);
    return carrier;
  }

  #link(rank: number): RankLink {
    const link = this.#means.links[rank];
    if (link === undefined) throw new RangeError(`Rank ${this.rank} has no link to rank ${rank}.`);
    return link;
  }
}
