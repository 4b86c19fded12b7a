import { setTimeout as sleep } from 'node:timers/promises';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import type { Peer } from '@cutpoint/wire';
import { connectServer, type ServerAddress } from './connect-stage.js';
import type { Log } from './log.js';

const firstBackoffMs = 100;
/** An empty frame that takes longer than this both ways is taken for lost, where nothing is on the way before it. */
const pingMs = 2_000;
/** On a link slower than half a megabit a second, an empty frame may be taken for lost behind others. */
const slowestBytesPerMs = 64;
const longestPingMs = 10_000;

/** A connection to the server that comes back when the server does. */
export interface ServerConnection extends AsyncDisposable {
  /** The connection, if there is one now. @throws CutpointError CUT_UNREACHABLE or why the server was refused. */
  peer(): Peer;
  readonly connected: boolean;
  readonly url: string;
  /**
   * Makes a new connection if this one does not answer a ping in a time that leaves room for what is on the way: what a cut has interrupted comes back only minutes after the
   * link, as TCP waits longer each time before it sends again.
   */
  renew(): Promise<void>;
  /** Ends the connection at once, and the requests on it with `reason`. It is tried for again like one that was lost. */
  drop(reason: CutpointError): Promise<void>;
}

export interface KeepOptions {
  /** How this side introduces itself. */
  readonly name: string;
  readonly maxBackoffMs: number;
  readonly log: Log;
  /** Looks at each new connection before it is used; what it throws counts as not being connected. */
  readonly check: (peer: Peer, signal: AbortSignal) => Promise<void>;
}

/** A connection that is tried for, and what came of the first attempt: nothing if it succeeded. */
export interface TriedConnection {
  readonly connection: ServerConnection;
  readonly first: Promise<CutpointError | undefined>;
}

/**
 * Connects to the server and, whenever the connection ends, tries again with pauses that double from 0.1 s up to
 * `maxBackoffMs`, each shortened by chance so that agents do not all come back at the same moment.
 * @throws CutpointError what `connectServer` and `check` throw if the first attempt fails.
 */
export async function keepConnected(address: ServerAddress, options: KeepOptions): Promise<ServerConnection> {
  const { connection, first } = keepTrying(address, options);
  const error = await first;
  if (error === undefined) return connection;
  await connection[Symbol.asyncDispose]();
  throw error;
}

/** As `keepConnected`, for those who can do without the server: the first attempt may fail like any other. */
export function keepTrying(address: ServerAddress, options: KeepOptions): TriedConnection {
  const dial = (signal: AbortSignal) => connectServer(address, options.name, signal);
  return keepDialling({ url: address.url, dial }, options);
}

/** What a connection leads to, for people, and how it is made each time. */
export interface Dialled {
  readonly url: string;
  readonly dial: (signal: AbortSignal) => Promise<Peer>;
}

/** As `keepTrying`, for connections that are made in ways of their own. */
export function keepDialling(to: Dialled, options: Omit<KeepOptions, 'name'>): TriedConnection {
  const connection = new KeptConnection(to, options);
  return { connection, first: connection.first };
}

class KeptConnection implements ServerConnection {
  readonly url: string;
  readonly first: Promise<CutpointError | undefined>;
  readonly #to: Dialled;
  readonly #options: Omit<KeepOptions, 'name'>;
  readonly #stop = new AbortController();
  readonly #kept: Promise<void>;
  #peer: Peer | undefined;
  #lastError: CutpointError | undefined;
  /** Why it is dropped just now. */
  #dropped: CutpointError | undefined;
  #renewing: Promise<void> | undefined;

  constructor(to: Dialled, options: Omit<KeepOptions, 'name'>) {
    this.url = to.url;
    this.#to = to;
    this.#options = options;
    const first = this.#try();
    this.first = first.then((peer) => (peer === undefined ? this.#lastError : undefined));
    this.#kept = this.#keep(first);
  }

  peer(): Peer {
    if (this.#peer !== undefined) return this.#peer;
    throw (
      this.#lastError ?? new CutpointError('CUT_UNREACHABLE', `The server at ${this.url} is away; try again later.`)
    );
  }

  get connected(): boolean {
    return this.#peer !== undefined;
  }

  renew(): Promise<void> {
    const peer = this.#peer;
    if (peer === undefined) return Promise.resolve();
    this.#renewing ??= this.#closeIfSilent(peer).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async drop(reason: CutpointError): Promise<void> {
    const peer = this.#peer;
    if (peer === undefined) return;
    this.#peer = undefined;
    this.#lastError = reason;
    this.#dropped = reason;
    await peer.close(reason);
  }

  async #closeIfSilent(peer: Peer): Promise<void> {
    const answered = peer.ping().then(
      () => true,
      () => false,
    );
    // It waits behind what is sent: a link that has become slow must not be taken for one that is cut.
    const patienceMs = Math.min(longestPingMs, pingMs + peer.unansweredBytes / slowestBytesPerMs);
    if ((await Promise.race([answered, pause(patienceMs, this.#stop.signal)])) === true || this.#stop.signal.aborted)
      return;
    this.#options.log.warn({ to: this.url }, 'silent; connecting anew');
    if (this.#peer === peer) this.#peer = undefined;
    await peer.close();
  }

  async #keep(first: Promise<Peer | undefined>): Promise<void> {
    const { log } = this.#options;
    const to = this.url;
    let peer = await first;
    if (peer !== undefined) log.info({ to }, 'connected');
    for (;;) {
      peer ??= await this.#reconnect();
      if (peer === undefined) return;
      const reason = await peer.closed;
      this.#peer = undefined;
      this.#lastError = this.#dropped;
      this.#dropped = undefined;
      peer = undefined;
      if (this.#stop.signal.aborted) return;
      log.warn({ to, code: reason?.code, reason: reason?.message }, 'connection lost');
    }
  }

  async #reconnect(): Promise<Peer | undefined> {
    const { signal } = this.#stop;
    const { log, maxBackoffMs } = this.#options;
    for (let backoffMs = firstBackoffMs; ; backoffMs = Math.min(backoffMs * 2, maxBackoffMs)) {
      await pause(backoffMs * (0.5 + Math.random() / 2), signal);
      if (signal.aborted) return undefined;
      const peer = await this.#try();
      if (peer !== undefined) {
        log.info({ to: this.url }, 'connected again');
        return peer;
      }
      const { code, message: reason } = this.#lastError ?? {};
      log.debug({ to: this.url, code, reason }, 'still away');
    }
  }

  /** One attempt; undefined, and the reason remembered, if it fails. */
  async #try(): Promise<Peer | undefined> {
    const { signal } = this.#stop;
    try {
      const peer = await this.#to.dial(signal);
      try {
        await this.#options.check(peer, signal);
      } catch (thrown) {
        await peer.close();
        throw thrown;
      }
      this.#peer = peer;
      return peer;
    } catch (thrown) {
      this.#lastError = asCutpointError(thrown, 'CUT_UNREACHABLE');
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#peer?.close();
    await this.#kept;
  }
}

/** Waits, or returns early when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}
