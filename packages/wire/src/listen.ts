import { CutpointError } from '@cutpoint/core';
import { type Address, parseAddress } from './address.js';
import type { Hello, Introduction } from './hello.js';
import { defaultLimits, type WireLimits } from './limits.js';
import type { Link } from './link.js';
import { type RequestHandler, ServedConnection } from './served-connection.js';
import { Strangers } from './strangers.js';
import type { Binding, HttpHandler } from './transport.js';
import { transportOf } from './transports.js';

export interface ListenOptions {
  /** `tcp://host:port`, `tcps://`, `ws://`, `wss://` or `memory:name`; port 0 takes a free one. */
  readonly url: string;
  readonly handler: RequestHandler;
  /** Certificate chain and key, PEM; needed for tcps and wss. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Clients must present this text. */
  readonly token?: string;
  readonly limits?: Partial<WireLimits>;
  /** How this side introduces itself. */
  readonly hello?: Introduction;
  /** For ws and wss: answers plain HTTP requests on the same port. Without it they get 426. */
  readonly onHttp?: HttpHandler;
  /**
   * Hears of defects of the handler and of connections that end badly, for the log. `remote` is how the other side
   * introduced itself, if it did; `address` is its network address and port. Must not throw.
   */
  readonly onError?: (error: CutpointError, remote: Hello | undefined, address: string | undefined) => void;
}

/** A listening address. */
export interface Listener extends AsyncDisposable {
  /** The address with the port that was really taken. */
  readonly url: string;
  /** Connections that have said hello. */
  readonly connectionCount: number;
  /** Accepts nothing new, lets requests under way finish for up to `graceMs`, then closes every connection. */
  close(options?: { graceMs: number }): Promise<void>;
}

/**
 * Listens for peers and answers their requests with `handler`.
 * @throws CutpointError CUT_BIND if the address cannot be had, CUT_USAGE for a wrong URL, CUT_TLS for a wrong certificate.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const address = parseAddress(options.url);
  const server = new Server(options);
  await server.bind(address, options);
  return server;
}

class Server implements Listener {
  readonly #options: ListenOptions;
  readonly #limits: WireLimits;
  readonly #strangers: Strangers;
  readonly #connections = new Set<ServedConnection>();
  #introduced = 0;
  #binding: Binding | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ListenOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#strangers = new Strangers(this.#limits.maxStrangers, this.#limits.helloTimeoutMs);
  }

  get url(): string {
    return this.#binding?.url ?? this.#options.url;
  }

  get connectionCount(): number {
    return this.#introduced;
  }

  async bind(address: Address, { tls, onHttp }: ListenOptions): Promise<void> {
    this.#binding = await transportOf(address).bind(address, {
      tls,
      onHttp,
      handshakeTimeoutMs: this.#limits.helloTimeoutMs,
      admit: (socket) => this.#strangers.admit(socket),
      onLink: (link, socket) => this.#serve(link, socket),
    });
  }

  close({ graceMs } = { graceMs: 0 }): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(graceMs: number): Promise<void> {
    const closed = this.#binding?.close();
    this.#strangers.dismiss();
    const connections = [...this.#connections];
    for (const connection of connections) connection.drain();
    const timer = setTimeout(() => {
      for (const connection of connections) connection.destroy();
    }, graceMs);
    await Promise.all([closed, ...connections.map((connection) => connection.closed)]);
    clearTimeout(timer);
  }

  #serve(link: Link, socket: Parameters<Strangers['introduced']>[0] | undefined): void {
    const { handler, hello, token, onError } = this.#options;
    if (socket !== undefined) this.#strangers.linked(socket);
    let introduced = false;
    // Taken down now: a socket that is closed has forgotten it.
    const from = socket && `${socket.remoteAddress}:${socket.remotePort}`;
    const connection: ServedConnection = new ServedConnection(link, {
      limits: this.#limits,
      handler,
      hello,
      token,
      onError: onError && ((error, remote) => onError(error, remote, from)),
      onHello: () => {
        if (this.#introduced >= this.#limits.maxConnections) throw full(this.#introduced);
        if (socket !== undefined) this.#strangers.introduced(socket);
        introduced = true;
        this.#introduced++;
      },
      onClose: () => {
        this.#connections.delete(connection);
        if (introduced) this.#introduced--;
      },
    });
    this.#connections.add(connection);
    if (this.#closing !== undefined) connection.destroy();
  }
}

function full(count: number): CutpointError {
  return new CutpointError('CUT_OVERLOADED', `The server already has ${count} connections; try again later.`);
}
