import { asCutpointError, CutpointError, type ErrorCode } from '@cutpoint/core';
import { connect, type Peer } from '@cutpoint/wire/browser';

/** What a page knows of its connection. */
export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open'; readonly peer: Peer }
  /** Lost, or never made: it is tried again by itself. */
  | { readonly kind: 'waiting'; readonly error: CutpointError; readonly retryInMs: number }
  /** Trying again would not help. */
  | { readonly kind: 'refused'; readonly error: CutpointError };

export interface ConnectionOptions {
  readonly url: string;
  readonly token: string | undefined;
  /** How this side introduces itself. */
  readonly name: string;
}

const connectTimeoutMs = 10_000;
const firstBackoffMs = 250;
const mostBackoffMs = 10_000;
/** A connection that lasted for so long was a good one: the next is tried for at once. */
const goodAfterMs = 5_000;
const final: ReadonlySet<ErrorCode> = new Set(['CUT_UNAUTHORISED', 'CUT_FORBIDDEN', 'CUT_WIRE_VERSION']);

/** A connection to the server that comes back by itself when it is lost, with a bounded wait that doubles. */
export class Connection {
  #options: ConnectionOptions;
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState = { kind: 'connecting' };
  #backoffMs = firstBackoffMs;
  #wake: (() => void) | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    void this.#keep();
  }

  /** Where the server is, for connections beside this one. */
  get server(): Pick<ConnectionOptions, 'url' | 'token'> {
    return this.#options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The peer to ask now. @throws CutpointError CUT_CONNECTION_LOST, or why the server refuses */
  peer(): Peer {
    if (this.#state.kind === 'open') return this.#state.peer;
    if (this.#state.kind === 'refused') throw this.#state.error;
    throw new CutpointError('CUT_CONNECTION_LOST', 'There is no connection to the server now; it is tried for again.');
  }

  /** Calls the listener now and at every change. */
  watch(listener: (state: ConnectionState) => void): void {
    this.#listeners.add(listener);
    listener(this.#state);
  }

  /** The page was given a token: where it was refused without, it connects now. */
  present(token: string): void {
    this.#options = { ...this.#options, token };
    if (this.#state.kind !== 'refused') return;
    this.#enter({ kind: 'connecting' });
    void this.#keep();
  }

  /** Does not wait any longer before the next try, for example as the network is back. */
  retryNow(): void {
    this.#wake?.();
  }

  async #keep(): Promise<void> {
    while (this.#state.kind !== 'refused') this.#enter(await this.#connectOnce());
  }

  /** Connects, waits until that is over, and then for the next try. */
  async #connectOnce(): Promise<ConnectionState> {
    const { url, token, name } = this.#options;
    const hello = { name, capabilities: [] };
    let error: CutpointError;
    try {
      const peer = await connect({ url, connectTimeoutMs, hello, ...(token !== undefined && { token }) });
      const openedAt = performance.now();
      this.#enter({ kind: 'open', peer });
      error = (await peer.closed) ?? new CutpointError('CUT_CONNECTION_LOST', 'The server closed the connection.');
      if (performance.now() - openedAt > goodAfterMs) this.#backoffMs = firstBackoffMs;
    } catch (thrown) {
      error = asCutpointError(thrown, 'CUT_INTERNAL');
    }
    // Another token may have been given meanwhile: that the old one is refused says nothing of it.
    if (final.has(error.code) && token === this.#options.token) return { kind: 'refused', error };
    // Many pages that lose a server must not all come back at once.
    const retryInMs = Math.round(this.#backoffMs * (0.75 + Math.random() / 2));
    this.#backoffMs = Math.min(mostBackoffMs, this.#backoffMs * 2);
    this.#enter({ kind: 'waiting', error, retryInMs });
    await this.#wait(retryInMs);
    return { kind: 'connecting' };
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #enter(state: ConnectionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
