import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { type Address, parseAddress } from './address.js';
import type { Introduction, Remote } from './hello.js';
import { defaultLimits, type WireLimits } from './limits.js';
import type { Link } from './link.js';
import type { Post } from './post.js';
import { type RequestHandler, ServedConnection } from './served-connection.js';
import { Strangers } from './strangers.js';
import { identify, type PeerIdentity, type ServerTls } from './tls.js';
import type { Binding, HttpHandler } from './transport.js';
import { type TakeUpgrade, upgrades } from './transport-ws.js';
import { transportOf } from './transports.js';

export interface ListenOptions {
  /** `tcp://host:port`, `tcps://`, `ws://`, `wss://`, `memory:name` or `mqtt:device`; port 0 takes a free one. */
  readonly url: string;
  readonly handler: RequestHandler;
  /** Needed for tcps and wss. A client that is refused is told why in an error frame, or by status 403 over plain HTTP. */
  readonly tls?: ServerTls;
  /** For mqtt: the connection to the broker. */
  readonly post?: Post;
  /** Clients must present this text. */
  readonly token?: string;
  /** Judges what clients present where `token` is left out. @throws CutpointError to refuse */
  readonly checkToken?: (token: string | undefined) => Promise<void>;
  readonly limits?: Partial<WireLimits>;
  /** How this side introduces itself. */
  readonly hello?: Introduction;
  /** For ws and wss: answers plain HTTP requests on the same port. Without it they get 426. */
  readonly onHttp?: HttpHandler;
  /**
   * Hears of defects of the handler and of connections that end badly, for the log. `remote` is how the other side
   * introduced itself, if it did; `address` is its network address and port, or `mqtt:device`. Must not throw.
   */
  readonly onError?: (error: CutpointError, remote: Remote | undefined, address: string | undefined) => void;
}

/** A listening address. */
export interface Listener extends AsyncDisposable {
  /** The address with the port that was really taken. */
  readonly url: string;
  /** Connections that have said hello. */
  readonly connectionCount: number;
  /**
   * Checks the certificates of all open connections again, for example after one was revoked, and closes those that are
   * refused now. Gives their number.
   */
  recheck(): number;
  /** Shows another certificate from the next handshake on; who may connect stays as it is. @throws CutpointError CUT_TLS */
  renew(certificate: { readonly cert: string; readonly key: string }): void;
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

/** Peers whose WebSockets were asked for at an HTTP server that has more to do than that. */
export interface UpgradeListener extends Pick<Listener, 'connectionCount' | 'close'>, AsyncDisposable {
  /** Takes over a connection, as the server's event `upgrade` gives it. Who may come from where is the caller's to check. */
  readonly upgrade: TakeUpgrade;
  /** Has `checkToken` judge the tokens of all open connections again, for example after one was revoked; closes those refused now. */
  recheckTokens(): Promise<void>;
}

/** Serves peers that an HTTP server hands over one by one. */
export function listenToUpgrades(
  options: Pick<ListenOptions, 'handler' | 'token' | 'checkToken' | 'limits' | 'hello' | 'onError'>,
): UpgradeListener {
  return new Server(options);
}

class Server implements Listener, UpgradeListener {
  readonly #options: Omit<ListenOptions, 'url'>;
  readonly #limits: WireLimits;
  readonly #strangers: Strangers;
  readonly #connections = new Map<ServedConnection, Socket | undefined>();
  #introduced = 0;
  #binding: Binding | undefined;
  #closing: Promise<void> | undefined;

  readonly #takeUpgrade = upgrades((link, socket) => this.#serve(link, socket));

  constructor(options: Omit<ListenOptions, 'url'>) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    const { maxStrangers, helloTimeoutMs } = this.#limits;
    this.#strangers = new Strangers(maxStrangers, helloTimeoutMs, (error, socket) =>
      options.onError?.(error, undefined, addressOf(socket)),
    );
  }

  get url(): string {
    return this.#binding?.url ?? '';
  }

  get connectionCount(): number {
    return this.#introduced;
  }

  async bind(address: Address, { tls, onHttp, post }: ListenOptions): Promise<void> {
    this.#binding = await transportOf(address).bind(address, {
      tls,
      onHttp: onHttp && ((request, response) => this.#answerHttp(request, response, onHttp)),
      post,
      handshakeTimeoutMs: this.#limits.helloTimeoutMs,
      admit: (socket) => this.#strangers.admit(socket),
      onLink: (link, socket, device) => this.#serve(link, socket, device),
      onTlsError: (error, socket) => this.#options.onError?.(error, undefined, addressOf(accepted(socket))),
    });
  }

  readonly upgrade: TakeUpgrade = (request, socket, head) => {
    // What the server would end as idle, or as too slow a request, is from now on a connection with rules of its own.
    request.socket.setTimeout(0);
    if (this.#closing !== undefined) socket.destroy();
    else if (this.#strangers.admit(request.socket)) this.#takeUpgrade(request, socket, head);
  };

  recheck(): number {
    let refused = 0;
    for (const [connection, socket] of this.#connections) {
      if (socket?.destroyed === true) continue;
      const { refusal } = this.#judge(socket);
      if (refusal === undefined) continue;
      connection.refuse(refusal);
      refused++;
    }
    return refused;
  }

  async recheckTokens(): Promise<void> {
    await Promise.all([...this.#connections.keys()].map((connection) => connection.recheckToken()));
  }

  renew(certificate: { readonly cert: string; readonly key: string }): void {
    this.#binding?.renew({ ...this.#options.tls, ...certificate });
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
    const connections = [...this.#connections.keys()];
    for (const connection of connections) connection.drain();
    const timer = setTimeout(() => {
      for (const connection of connections) connection.destroy();
    }, graceMs);
    await Promise.all([closed, ...connections.map((connection) => connection.closed)]);
    clearTimeout(timer);
  }

  /** Who is there, or why nothing more is heard from there. */
  #judge(socket: Socket | undefined): { identity?: PeerIdentity | undefined; refusal?: CutpointError } {
    const { tls } = this.#options;
    if (socket === undefined || tls === undefined) return {};
    try {
      return { identity: identify(socket, tls) };
    } catch (thrown) {
      return { refusal: asCutpointError(thrown, 'CUT_TLS') };
    }
  }

  #answerHttp(request: IncomingMessage, response: ServerResponse, answer: HttpHandler): void {
    const { refusal } = this.#judge(request.socket);
    if (refusal === undefined) {
      answer(request, response);
      return;
    }
    this.#options.onError?.(refusal, undefined, addressOf(request.socket));
    const { code, message } = refusal;
    response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { code, message } }));
  }

  #serve(link: Link, socket: Socket | undefined, device?: string): void {
    const { handler, hello, token, checkToken, onError } = this.#options;
    if (socket !== undefined) this.#strangers.linked(socket);
    let introduced = false;
    // Taken down now: a socket that is closed has forgotten it.
    const from = socket === undefined ? device : addressOf(socket);
    const { identity, refusal } = this.#judge(socket);
    const connection: ServedConnection = new ServedConnection(link, {
      limits: this.#limits,
      handler,
      hello,
      token,
      checkToken,
      identity,
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
    this.#connections.set(connection, socket);
    if (this.#closing !== undefined) connection.destroy();
    else if (refusal !== undefined) connection.refuse(refusal);
  }
}

/**
 * The TCP socket under one of TLS. A peer that resets its connection is known by that alone: its address was looked at when it
 * was accepted, and stays. Node has no public name for it.
 */
function accepted(socket: Socket): Socket {
  const under: unknown = Reflect.get(socket, '_parent');
  return under instanceof Socket ? under : socket;
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}

function full(count: number): CutpointError {
  return new CutpointError('CUT_OVERLOADED', `The server already has ${count} connections; try again later.`);
}
