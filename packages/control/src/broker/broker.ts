import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, Server as TlsServer } from 'node:tls';
import { asCutpointError, CutpointError, messageOf } from '@cutpoint/core';
import type { Aedes, Client, PublishPacket } from 'aedes';
import type { DeviceId, FleetId } from '../ids.js';
import { maxBytesOf, maxMessageBytes } from '../messages.js';
import { readTopic } from '../topics.js';
import { ChannelBudgets } from './channel-budgets.js';
import { brief, type DoorRules, type Identify, letIn } from './doorkeeper.js';
import { GuardedStream, type QueuedBytes } from './guarded-stream.js';
import { type BrokerLimits, defaultBrokerLimits } from './limits.js';
import { isLoopbackHost } from './loopback-host.js';
import { Newcomers } from './newcomers.js';
import { type Refusal, Refusals } from './refusals.js';
import { RetainedBudget } from './retained-budget.js';
import { RetainedMessages } from './retained-messages.js';
import { type BrokerIdentity, mayPublish, mayRetain, maySubscribe } from './topic-rights.js';

export interface BrokerOptions {
  readonly fleet: FleetId;
  /** Port 0 takes a free one. Without `tls`, the host must be loopback. */
  readonly listen: { readonly host: string; readonly port: number };
  /** The server's certificate and key, PEM; the authority that clients are asked for; who a device is by its own. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string; readonly identify: Identify };
  /** With it the server of this process connects where there is no TLS; drawn by chance where it is left out. */
  readonly serverPassword?: string;
  readonly limits?: Partial<BrokerLimits>;
  /** Hears of everything that was refused, for the log. Must not throw. */
  readonly onRefused: (refusal: Refusal) => void;
}

/** The broker inside the server. */
export interface Broker extends AsyncDisposable {
  /** `mqtt://` or `mqtts://`, with the port that was taken. */
  readonly url: string;
  /** Clients that were let in. */
  readonly clientCount: number;
  /** With it the server in this process connects where there is no TLS. */
  readonly serverPassword: string;
  /** Ends the connection of a device, for example because its certificate was revoked. */
  disconnect(device: DeviceId): void;
  /** Shows another certificate from the next handshake on. @throws CutpointError CUT_TLS */
  renew(certificate: { readonly cert: string; readonly key: string }): void;
}

/**
 * Opens an MQTT 3.1.1 broker. A client may publish and subscribe only to what `topic-rights.ts` gives its identity:
 * one that publishes elsewhere is disconnected, a subscription elsewhere is answered with a refusal. Sessions end with
 * their connection; retained messages are kept in memory.
 * @throws CutpointError CUT_BIND, CUT_INSECURE_BIND (no TLS beyond loopback), CUT_TLS
 */
export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const { listen, tls } = options;
  if (tls === undefined && !isLoopbackHost(listen.host)) {
    const message = `The broker cannot listen on ${listen.host} without TLS: pair the devices, or listen on 127.0.0.1.`;
    throw new CutpointError('CUT_INSECURE_BIND', message);
  }
  const { Aedes } = await import('aedes');
  const broker = new EmbeddedBroker(options);
  await broker.open((handlers) => new Aedes(handlers));
  return broker;
}

type Handlers = NonNullable<ConstructorParameters<typeof Aedes>[0]>;

class EmbeddedBroker implements Broker {
  readonly serverPassword: string;
  readonly #options: BrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #newcomers: Newcomers;
  readonly #refusals: Refusals;
  readonly #retained: RetainedBudget;
  readonly #channels: ChannelBudgets;
  readonly #queued: QueuedBytes = { inAll: 0 };
  readonly #identities = new WeakMap<Client, BrokerIdentity>();
  readonly #verdicts = new WeakMap<Client, BrokerIdentity | CutpointError>();
  /** All that a client has subscribed to in the life of its connection. */
  readonly #filters = new WeakMap<Client, Set<string>>();
  readonly #clients = new Map<string, Client>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #aedes: Aedes | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.serverPassword = options.serverPassword ?? randomBytes(32).toString('hex');
    this.#limits = { ...defaultBrokerLimits, ...options.limits };
    const { maxNewcomers, connectDeadlineMs, maxRetained, maxRetainedBytes, maxConnections } = this.#limits;
    this.#newcomers = new Newcomers(maxNewcomers, connectDeadlineMs);
    this.#refusals = new Refusals(options.onRefused);
    this.#retained = new RetainedBudget(maxRetained, maxRetainedBytes);
    this.#channels = new ChannelBudgets(this.#limits.channelBytesPerSecond);
    this.#server = this.#makeServer();
    this.#server.maxConnections = maxConnections;
    this.#server.on('drop', (data) => {
      const message = `There are ${maxConnections} connections already.`;
      this.#refuse(new CutpointError('CUT_OVERLOADED', message), `${data?.remoteAddress}:${data?.remotePort}`);
    });
  }

  get url(): string {
    const address = this.#server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { host } = this.#options.listen;
    const scheme = this.#options.tls === undefined ? 'mqtt' : 'mqtts';
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  async open(make: (handlers: Handlers) => Aedes): Promise<void> {
    const aedes = make({
      // A device that does not take its messages is dropped by its stream, so nothing waits for it.
      drainTimeout: 0,
      // Newcomers have a deadline here that says so; at the same moment, both would be told.
      connectTimeout: 2 * this.#limits.connectDeadlineMs,
      keepaliveLimit: this.#limits.maxKeepAliveSeconds,
      maxInflightInbound: 16,
      maxTopicLevels: 16,
      concurrency: 1000,
      preConnect: (client, packet, done) => {
        this.#verdicts.set(client, this.#judge(client, packet));
        done(null, true);
      },
      authenticate: (client, _username, _password, done) => {
        const verdict = this.#verdicts.get(client);
        if (verdict === undefined || verdict instanceof CutpointError) {
          done(Object.assign(new Error(verdict?.message ?? 'no CONNECT'), { returnCode: 5 }), false);
        } else {
          this.#welcome(client, verdict);
          done(null, true);
        }
      },
      authorizePublish: (client, packet, done) => done(client && this.#refusalToPublish(client, packet)),
      authorizeSubscribe: (client, subscription, done) => {
        done(null, this.#refusalToSubscribe(client, subscription.topic) === undefined ? subscription : null);
      },
    });
    aedes.on('client', (client) => this.#clients.set(client.id, client));
    aedes.on('clientDisconnect', (client) => {
      if (this.#clients.get(client.id) === client) this.#clients.delete(client.id);
    });
    const onError = (client: Client, error: Error) => this.#clientFailed(client, error);
    aedes.on('clientError', onError).on('connectionError', onError);
    await aedes.listen();
    new RetainedMessages().install(aedes);
    this.#aedes = aedes;
    await this.#bind();
  }

  disconnect(device: DeviceId): void {
    this.#clients.get(device)?.conn.destroy();
  }

  renew({ cert, key }: { readonly cert: string; readonly key: string }): void {
    const { tls } = this.#options;
    if (tls === undefined || !(this.#server instanceof TlsServer)) return;
    this.#server.setSecureContext(secureContext({ ...tls, cert, key }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#newcomers.dismiss();
    await new Promise<void>((resolve) => (this.#aedes === undefined ? resolve() : this.#aedes.close(() => resolve())));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #makeServer(): Server {
    const { tls } = this.#options;
    if (tls === undefined) {
      return createServer({ noDelay: true }, (socket) => {
        if (this.#accept(socket)) this.#serve(socket);
      });
    }
    const handshakeTimeout = this.#limits.connectDeadlineMs;
    try {
      // Who is there is judged by `identify`, which knows better than OpenSSL what time it is.
      const secured = {
        ...secureContext(tls),
        requestCert: true,
        rejectUnauthorized: false,
        handshakeTimeout,
        noDelay: true,
      };
      const server = createTlsServer(secured, (socket) => this.#serve(socket));
      server.on('connection', (socket: Socket) => this.#accept(socket));
      server.on('tlsClientError', (error, socket) => this.#refuse(tlsRefusal(error), addressOf(socket)));
      return server;
    } catch (cause) {
      throw asCutpointError(cause, 'CUT_TLS', 'The certificate or key of the broker cannot be used');
    }
  }

  #accept(socket: Socket): boolean {
    const address = addressOf(socket);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // The handler of the stream comes later; an error before that must not end the process.
    socket.on('error', () => {});
    const { connectDeadlineMs, maxNewcomers } = this.#limits;
    const late = new CutpointError('CUT_DEADLINE', `A client did not connect within ${connectDeadlineMs} ms.`);
    if (this.#newcomers.admit(socket, () => this.#refuse(late, address))) return true;
    const message = `${maxNewcomers} connections are waiting to be let in already.`;
    this.#refuse(new CutpointError('CUT_OVERLOADED', message), address);
    return false;
  }

  #serve(socket: Socket): void {
    if (this.#aedes === undefined || this.#aedes.closed) socket.destroy();
    else this.#aedes.handle(new GuardedStream(socket, this.#limits, this.#queued));
  }

  #judge(client: Client, packet: Parameters<typeof letIn>[1]): BrokerIdentity | CutpointError {
    const { socket } = streamOf(client);
    const { fleet, tls } = this.#options;
    const rules: DoorRules = { fleet, identify: tls?.identify, serverPassword: this.serverPassword };
    try {
      return letIn(socket, packet, rules);
    } catch (thrown) {
      const error = asCutpointError(thrown, 'CUT_INTERNAL');
      this.#refuse(error, addressOf(socket));
      return error;
    }
  }

  #welcome(client: Client, identity: BrokerIdentity): void {
    const stream = streamOf(client);
    this.#identities.set(client, identity);
    this.#newcomers.letIn(stream.socket);
    stream.letIn({ slowed: identity.role === 'agent' });
  }

  #refusalToSubscribe(client: Client, filter: string): CutpointError | undefined {
    const identity = this.#identities.get(client);
    if (identity === undefined || !maySubscribe(identity, filter)) {
      return this.#refuseTopic(client, filter, 'subscribe to');
    }
    const filters = this.#filters.get(client) ?? new Set();
    this.#filters.set(client, filters);
    if (!filters.has(filter) && filters.size >= this.#limits.maxSubscriptions) {
      const message = `${client.id} has ${filters.size} subscriptions already.`;
      return this.#refuseOf(client, filter, new CutpointError('CUT_OVERLOADED', message));
    }
    filters.add(filter);
    return undefined;
  }

  #refusalToPublish(client: Client, { topic, payload, retain, qos }: PublishPacket): CutpointError | null {
    const identity = this.#identities.get(client);
    if (identity === undefined || !mayPublish(identity, topic) || qos === 2 || (retain && !mayRetain(topic))) {
      return this.#refuseTopic(client, topic, retain ? 'leave a message at' : 'publish to');
    }
    const bytes = payload.length;
    const what = `${brief(topic)} is sent ${bytes} bytes`;
    if (bytes > mostBytesAt(topic)) {
      return this.#refuseOf(client, topic, new CutpointError('CUT_WIRE_TOO_LARGE', `${what}: more than is allowed.`));
    }
    if (!this.#mayStillSay(identity, topic, bytes)) {
      const message = `${client.id} says more on its channels than ${this.#limits.channelBytesPerSecond} bytes a second.`;
      return this.#refuseOf(client, topic, new CutpointError('CUT_OVERLOADED', message));
    }
    if (!retain || this.#retained.keep(topic, bytes)) return null;
    const full = `${what} to keep, but what is kept for others is full.`;
    return this.#refuseOf(client, topic, new CutpointError('CUT_OVERLOADED', full));
  }

  #mayStillSay({ role, device }: BrokerIdentity, topic: string, bytes: number): boolean {
    if (role === 'server' || readTopic(topic)?.kind !== 'channel') return true;
    return this.#channels.spend(device, bytes, performance.now());
  }

  #refuseTopic(client: Client, topic: string, what: string): CutpointError {
    const message = `${client.id} may not ${what} ${brief(topic)}.`;
    return this.#refuseOf(client, topic, new CutpointError('CUT_UNAUTHORISED', message));
  }

  #refuseOf(client: Client, topic: string, error: CutpointError): CutpointError {
    this.#refuse(error, addressOf(streamOf(client).socket), this.#identities.get(client)?.device, brief(topic));
    return error;
  }

  #clientFailed(client: Client, error: Error): void {
    // What was refused was told when it was.
    if (error instanceof CutpointError && error.code === 'CUT_UNAUTHORISED') return;
    if ('errorCode' in error || isOrdinary(error)) return;
    const told = asCutpointError(error, 'CUT_WIRE_MALFORMED', 'A client of the broker was dropped');
    this.#refuse(told, addressOf(streamOf(client).socket), this.#identities.get(client)?.device);
  }

  #refuse(error: CutpointError, address: string, device?: DeviceId, topic?: string): void {
    this.#refusals.add({ error, address, device, topic });
  }

  #bind(): Promise<void> {
    const { host, port } = this.#options.listen;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) => {
        const message = `The broker cannot listen on ${host}:${port}: ${messageOf(cause)}. Choose another port.`;
        reject(new CutpointError('CUT_BIND', message, { cause }));
      });
      this.#server.listen(port, host, resolve);
    });
  }
}

function streamOf(client: Client): GuardedStream {
  if (client.conn instanceof GuardedStream) return client.conn;
  throw new CutpointError('CUT_INTERNAL', 'A client of the broker has another stream than it was given.');
}

function secureContext({ cert, key, ca }: NonNullable<BrokerOptions['tls']>): SecureContextOptions {
  return { cert, key, ca, minVersion: 'TLSv1.3' };
}

function mostBytesAt(topic: string): number {
  const parts = readTopic(topic);
  return parts?.kind === 'channel' ? maxBytesOf[parts.channel] : maxMessageBytes;
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  // Node forgets it as soon as the connection is gone.
  return remoteAddress === undefined ? 'gone already' : `${remoteAddress}:${remotePort}`;
}

/** How connections end every day: the other side went away, or its last will will tell. */
function isOrdinary(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  if (error.message === 'keep alive timeout' || error.message === 'connection closed') return true;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ETIMEDOUT';
}

function tlsRefusal(error: Error): CutpointError {
  if ('code' in error && error.code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    const message = 'A client spoke to the broker without TLS: it takes mqtts:// and paired devices alone.';
    return new CutpointError('CUT_TLS', message);
  }
  return new CutpointError('CUT_TLS', `A client of the broker failed at the TLS handshake: ${messageOf(error)}.`);
}
