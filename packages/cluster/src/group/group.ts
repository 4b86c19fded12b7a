import { CutpointError } from '@cutpoint/core';
import { Feedback } from './all-reduce/feedback.js';
import { mesh } from './all-reduce/mesh.js';
import { MessagePool } from './all-reduce/message-pool.js';
import { ReduceCall, type ReduceMeans } from './all-reduce/reduce-call.js';
import { ring } from './all-reduce/ring.js';
import { star, tree } from './all-reduce/tree.js';
import type { DataPort, RankAddress } from './data-port.js';
import type { Faults } from './faults.js';
import type { Place } from './greet.js';
import { describeKind, isReduce, messageKinds, reduceKind } from './message-kinds.js';
import { openLinks } from './open-links.js';
import { type Floats, payloadCoders } from './payload.js';
import type { GroupCost, RankGroup, ReduceRule, Topology } from './rank-group.js';
import { type Expected, headBytes, type LinkLoss, newMessage, type Pair, RankLink, rankLost } from './rank-link.js';
import type { RankSocket } from './rank-socket.js';
import type { Silences } from './silences.js';
import { Waiting, type WaitStyle } from './waiting.js';

export interface GroupOptions extends Place {
  /** Of all ranks, by rank; rank 0 dials only, so nobody needs its own. */
  readonly addresses: readonly (RankAddress | null)[];
  readonly rules: readonly ReduceRule[];
  readonly wait: WaitStyle;
  /** Where it counts how long it hears nothing from ranks that it waits for. */
  readonly silences?: Silences;
  /** Where it notes ranks that did what they must not. */
  readonly faults?: Faults;
  /** All ranks must have come together within this time. */
  readonly openWithinMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Connects a rank to all others; each of them does so at about the same time. The port hears nobody else from then on.
 * @throws CutpointError CUT_RANK_MISSING, CUT_RANK_REFUSED; the port is closed then too.
 */
export async function openGroup(port: DataPort, options: GroupOptions): Promise<SocketGroup> {
  const { addresses, openWithinMs, signal } = options;
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort(new Error(`They had ${openWithinMs} ms.`));
  }, openWithinMs);
  try {
    const signals = signal === undefined ? [deadline.signal] : [deadline.signal, signal];
    return new SocketGroup(options, await openLinks(port, options, addresses, AbortSignal.any(signals)));
  } finally {
    clearTimeout(timer);
    port[Symbol.dispose]();
  }
}

const reduce = { star, mesh, ring, tree } as const satisfies Record<Topology, typeof mesh>;

/** A group over sockets that this thread owns. */
export class SocketGroup implements RankGroup {
  readonly rank: number;
  readonly ranks: number;
  readonly #links: readonly (RankLink | undefined)[];
  readonly #waiting: Waiting;
  readonly #faults: Faults | undefined;
  readonly #feedback = new Feedback();
  readonly #means: ReduceMeans;
  #rules: readonly ReduceRule[];
  #calls = 0;
  /** The all-reduce that was begun last, and how many are under way. */
  #last: { readonly topology: Topology; readonly done: Promise<void> } | undefined;
  #underWay = 0;
  #totalMs = 0;
  #ended: Error | undefined;

  constructor({ rank, ranks, rules, wait, silences, faults }: GroupOptions, sockets: ReadonlyMap<number, RankSocket>) {
    this.rank = rank;
    this.ranks = ranks;
    this.#rules = rules;
    this.#waiting = new Waiting(wait);
    this.#faults = faults;
    this.#links = Array.from({ length: ranks }, (_, peer) => {
      const socket = sockets.get(peer);
      const onLost = (error: CutpointError, loss: LinkLoss): void => {
        if (loss === 'fault') faults?.blame(peer);
        this.end(error);
      };
      return socket && new RankLink(peer, socket, describeKind, onLost, silences);
    });
    const [links, waiting, feedback] = [this.#links, this.#waiting, this.#feedback];
    this.#means = { rank, links, waiting, feedback, pool: new MessagePool() };
  }

  /** How all-reduces are done from the next on; all ranks must change at the same place. */
  useRules(rules: readonly ReduceRule[]): void {
    this.#rules = rules;
  }

  allReduce(values: Floats, part = 0): Promise<void> {
    if (this.ranks === 1) return Promise.resolve();
    const { topology, payload } = this.#ruleFor(values.byteLength);
    const expected = this.#next(reduceKind(topology, payload));
    const call = new ReduceCall(this.#means, expected, payloadCoders[payload], part);
    const done = this.#allReduce(topology, call, values);
    this.#last = { topology, done };
    // Whoever sums in the background may hear of the end by another call first.
    done.catch(() => {});
    return done;
  }

  broadcast(message: Uint8Array): void {
    const carrier = carrierOf(this.#next(messageKinds.broadcast), message);
    for (const link of this.#links) link?.send(carrier);
  }

  async nextBroadcast(mostBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const expected = this.#next(messageKinds.broadcast);
    return await this.#timed(() => this.#link(0).receiveUpTo(expected, mostBytes));
  }

  contribute(values: Floats): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#link(0).send(carrierOf(this.#next(messageKinds.contribution), bytes));
  }

  async collect(lengths: readonly number[]): Promise<Floats[]> {
    const expected = this.#next(messageKinds.contribution);
    const arrays = lengths.map((length) => new Float32Array(length));
    const receive = (array: Floats, i: number) => this.#link(i + 1).receive(expected, new Uint8Array(array.buffer));
    await this.#timed(() => Promise.all(arrays.map(receive)));
    return arrays;
  }

  /** Of all ranks at the same time: messages between two of them, until the next call. */
  beginProbe(): (peer: number) => Pair {
    const expected = this.#next(messageKinds.probe);
    return (peer) => ({
      send: (bytes) => this.#link(peer).send(carrierOf(expected, bytes)),
      receive: async (length) => {
        const into = new Uint8Array(length);
        await this.#timed(() => this.#link(peer).receive(expected, into));
        return into;
      },
    });
  }

  takeCost(): GroupCost {
    const totalMs = this.#totalMs;
    this.#totalMs = 0;
    let [sentBytes, receivedBytes] = [0, 0];
    for (const link of this.#links) {
      const { sent, received } = link?.takeBytes() ?? { sent: 0, received: 0 };
      sentBytes += sent;
      receivedBytes += received;
    }
    return { waitMs: this.#waiting.takeMs(), totalMs, sentBytes, receivedBytes };
  }

  /** The other ranks from which something is due. */
  awaited(): number[] {
    return this.#links.flatMap((link) => (link?.isAwaited === true ? [link.peer] : []));
  }

  giveUp(rank: number, why: string): CutpointError {
    this.#faults?.blame(rank);
    const error = rankLost(rank, why);
    this.end(error);
    return error;
  }

  end(error: Error): void {
    this.#ended ??= error;
    for (const link of this.#links) link?.end(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= new CutpointError('CUT_DISPOSED', 'The group of ranks was closed.');
    const ended = this.#ended;
    await Promise.all(this.#links.map((link) => link?.close(ended)));
  }

  async #allReduce(topology: Topology, call: ReduceCall, values: Floats): Promise<void> {
    const before = this.#last;
    this.#underWay++;
    try {
      // Only in a mesh is the order of messages on a link that of the calls, however far each rank has come.
      if (this.#underWay > 1 && before !== undefined && !(topology === 'mesh' && before.topology === 'mesh')) {
        await before.done;
      }
      if (this.#ended !== undefined) throw this.#ended;
      const from = performance.now();
      await reduce[topology](call, values);
      this.#totalMs += performance.now() - from;
      call.finish();
    } finally {
      this.#underWay--;
    }
  }

  async #timed<T>(wait: () => Promise<T>): Promise<T> {
    const from = performance.now();
    this.#waiting.enter();
    try {
      return await wait();
    } finally {
      this.#waiting.leave();
      this.#totalMs += performance.now() - from;
    }
  }

  #next(kind: number): Expected {
    if (!isReduce(kind)) this.#feedback.clear();
    const call = this.#calls;
    this.#calls = (this.#calls + 1) % 2 ** 32;
    return { kind, call };
  }

  #ruleFor(bytes: number): ReduceRule {
    const rule = this.#rules.find(({ mostBytes }) => bytes <= mostBytes);
    if (rule !== undefined) return rule;
    throw new CutpointError('CUT_INTERNAL', `No rule says how ${bytes} bytes are summed.`);
  }

  #link(rank: number): RankLink {
    const link = this.#links[rank];
    if (link !== undefined) return link;
    throw new RangeError(`Rank ${this.rank} has no link to rank ${rank}.`);
  }
}

function carrierOf(expected: Expected, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = newMessage(expected, payload.length);
  message.set(payload, headBytes);
  return message;
}
