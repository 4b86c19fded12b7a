import { CutpointError } from '@cutpoint/core';
import { type HostedSequence, sequenceLost } from './hosted-sequence.js';

export interface SequenceLimits {
  /** Of all clients together. */
  readonly maxSequences: number;
  readonly maxSequencesPerClient: number;
  /** Of all caches together. */
  readonly maxCacheBytes: number;
  /** A sequence that is not used for so long is dropped. */
  readonly idleMs: number;
  /** For so long the sequences of a client are kept that has no connection any more: it may come back. */
  readonly graceMs: number;
}

interface Client {
  readonly id: string;
  readonly sequences: Map<number, HostedSequence>;
  /** By number: those that are being made, until they are there or dropped. */
  readonly places: Map<number, object>;
  connections: number;
  leftAtMs: number;
}

/** Room for a sequence that is being made. */
export interface SequencePlace extends Disposable {
  /**
   * The sequence is there; one that had its number is dropped.
   * @throws CutpointError CUT_SEQUENCE_LOST if it was dropped before it was there.
   */
  fill(sequence: HostedSequence): void;
}

/** Which connection a request came by: the same object each time. */
export type Connection = object;

/** The sequences of all clients, within limits. */
export class ClientSequences implements Disposable {
  readonly #limits: SequenceLimits;
  readonly #clients = new Map<string, Client>();
  readonly #byConnection = new WeakMap<Connection, Client>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(limits: SequenceLimits) {
    this.#limits = limits;
    const everyMs = Math.max(50, Math.min(10_000, limits.idleMs / 2, limits.graceMs / 2));
    this.#sweeper = setInterval(() => this.#sweep(), everyMs).unref();
  }

  get count(): number {
    let count = 0;
    for (const client of this.#clients.values()) count += countOf(client);
    return count;
  }

  /** From now on what comes by this connection is of that client; it has been there before where it lost its connection. */
  meet(connection: Connection, closed: Promise<void>, id: string): void {
    const known = this.#byConnection.get(connection);
    if (known?.id === id) return;
    if (known !== undefined) throw new CutpointError('CUT_USAGE', 'A connection is of one client.');
    const client = this.#clients.get(id) ?? {
      id,
      sequences: new Map(),
      places: new Map(),
      connections: 0,
      leftAtMs: 0,
    };
    this.#clients.set(id, client);
    this.#byConnection.set(connection, client);
    client.connections += 1;
    void closed.then(() => {
      client.connections -= 1;
      client.leftAtMs = performance.now();
      if (client.connections === 0 && client.sequences.size === 0) this.#forget(client);
    });
  }

  /** @throws CutpointError CUT_SEQUENCE_LOST, CUT_USAGE */
  get(connection: Connection, number: number): HostedSequence {
    const sequence = this.#clientOf(connection).sequences.get(number);
    if (sequence === undefined) throw sequenceLost('it is not known here');
    sequence.usedAtMs = performance.now();
    return sequence;
  }

  /**
   * Room for a sequence that takes time to make: it counts from now on, and `drop` is about it, too.
   * @throws CutpointError CUT_OVERLOADED if there are too many, CUT_USAGE
   */
  reserve(connection: Connection, number: number): SequencePlace {
    const client = this.#clientOf(connection);
    this.#requireRoom(client, number);
    const { places, sequences } = client;
    const place = {};
    places.set(number, place);
    return {
      fill(sequence) {
        if (places.get(number) !== place) {
          sequence[Symbol.dispose]();
          throw sequenceLost('it was dropped');
        }
        sequences.get(number)?.[Symbol.dispose]();
        sequences.set(number, sequence);
      },
      [Symbol.dispose]() {
        if (places.get(number) === place) places.delete(number);
      },
    };
  }

  /** @throws CutpointError CUT_OVERLOADED if caches would take too much with so many bytes more. */
  requireCacheBytes(moreBytes: number): void {
    if (moreBytes === 0) return;
    let bytes = moreBytes;
    for (const { sequences } of this.#clients.values()) for (const each of sequences.values()) bytes += each.cacheBytes;
    const { maxCacheBytes } = this.#limits;
    if (bytes <= maxCacheBytes) return;
    const [need, most] = [bytes, maxCacheBytes].map((each) => `${Math.round(each / 1e6)} MB`);
    const message = `The caches of all texts would take ${need}, but the server keeps ${most} at most; try again later.`;
    throw new CutpointError('CUT_OVERLOADED', message);
  }

  drop(connection: Connection, number: number): void {
    const { sequences, places } = this.#clientOf(connection);
    places.delete(number);
    sequences.get(number)?.[Symbol.dispose]();
    sequences.delete(number);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweeper);
    for (const client of this.#clients.values()) this.#forget(client);
  }

  #clientOf(connection: Connection): Client {
    const client = this.#byConnection.get(connection);
    if (client !== undefined) return client;
    throw new CutpointError('CUT_USAGE', 'A client says who it is, by `describe`, before it decodes.');
  }

  #requireRoom(client: Client, number: number): void {
    if (client.sequences.has(number) || client.places.has(number)) return;
    const { maxSequences, maxSequencesPerClient } = this.#limits;
    const own = countOf(client);
    if (own < maxSequencesPerClient && this.count < maxSequences) return;
    const most =
      own < maxSequencesPerClient ? `${maxSequences} texts at a time` : `${maxSequencesPerClient} texts of one client`;
    throw new CutpointError('CUT_OVERLOADED', `The server continues ${most} already; try again later.`);
  }

  #sweep(): void {
    const now = performance.now();
    const { idleMs, graceMs } = this.#limits;
    for (const client of this.#clients.values()) {
      if (client.connections === 0 && now - client.leftAtMs >= graceMs) {
        this.#forget(client);
        continue;
      }
      for (const [number, sequence] of client.sequences) {
        if (now - sequence.usedAtMs < idleMs) continue;
        sequence[Symbol.dispose]();
        client.sequences.delete(number);
      }
    }
  }

  #forget(client: Client): void {
    for (const sequence of client.sequences.values()) sequence[Symbol.dispose]();
    client.sequences.clear();
    client.places.clear();
    if (client.connections === 0) this.#clients.delete(client.id);
  }
}

/** Those that are being made included. */
function countOf({ sequences, places }: Client): number {
  let count = sequences.size;
  for (const number of places.keys()) if (!sequences.has(number)) count += 1;
  return count;
}
