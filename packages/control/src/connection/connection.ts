import { Socket } from 'node:net';
import { asCutpointError, CutpointError, messageOf } from '@cutpoint/core';
import type { ClientTls } from '@cutpoint/wire';
import type { IClientOptions, MqttClient } from 'mqtt';
import { maxMessageBytes } from '../messages.js';
import { pause } from '../pause.js';
import { dialTls } from './dial-tls.js';

/** Where the broker is and who asks. */
export interface BrokerAddress {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly url: string;
  /** Client id and user name: what the device is called. A certificate must say the same. */
  readonly device: string;
  readonly password?: string;
  /**
   * For mqtts; asked for with every attempt, as certificates are renewed. Without a check, `ca` and the host name decide
   * who the broker is.
   */
  readonly tls?: () => ClientTls;
}

export interface ConnectionOptions extends BrokerAddress {
  /** What the broker shall publish, retained, when this connection ends without a goodbye. */
  readonly will?: { readonly topic: string; readonly message: unknown };
  /** The connection counts as lost when a ping is not answered within this. */
  readonly keepAliveSeconds?: number;
  readonly connectTimeoutMs?: number;
  readonly maxBackoffMs?: number;
  /** Hears why an attempt failed or a message was refused, for the log. Must not throw. */
  readonly onProblem: (error: CutpointError) => void;
}

export interface Delivery {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** True if the broker had kept it: it may be old. */
  readonly retained: boolean;
}

export interface PublishOptions {
  /** Wait until the broker has acknowledged it (QoS 1). */
  readonly acknowledged: boolean;
  readonly retain?: boolean;
}

/**
 * One connection to a broker, shared by all of a process that speaks there. It comes back by itself, with its
 * subscriptions; what was not acknowledged before is not sent again.
 */
export interface BrokerConnection extends AsyncDisposable {
  /** Where the broker is, or is looked for. */
  readonly url: string;
  readonly connected: boolean;
  /** Whether a failed attempt is known, and which: undefined while connected. */
  readonly lastError: CutpointError | undefined;
  /**
   * Publishes an object as JSON, or bytes as they are (not copied: leave them alone until this resolves).
   * @throws CutpointError CUT_UNREACHABLE if there is no connection, or it ends before the acknowledgement;
   * CUT_WIRE_TOO_LARGE.
   */
  publish(topic: string, message: unknown, options: PublishOptions): Promise<void>;
  /** Publishes an object as JSON without waiting for anything; dropped if there is no connection. */
  send(topic: string, message: unknown): void;
  /** Subscribes now and after every reconnect. `listener` gets every delivery that any subscription brings. */
  subscribe(filters: readonly string[], listener: (delivery: Delivery) => void): void;
  /** Calls after each connect, once all subscriptions are in place, and at once if that is so now. */
  onUp(listener: () => void): void;
  onDown(listener: () => void): void;
  /** The broker is elsewhere: leaves this one, which then publishes the last will, and connects there at once. */
  moveTo(url: string): void;
  /** Resolves when connected. @throws CutpointError why it is not, when the signal aborts. */
  untilUp(signal: AbortSignal): Promise<void>;
}

const firstBackoffMs = 100;
const goodbyeMs = 1_000;
/** Whoever is refused tries again all the same, as a broker may be taught better; but not often. */
const refusedBackoffMs = 60_000;
/** Instead of a quality of service (MQTT 3.1.1, section 3.9.3). */
const refusedQos = 128;
const closedUnheard =
  'The connection was closed before this device was let in: its certificate may be refused, or there is no MQTT broker';

/**
 * Starts to connect, and goes on until closed: pauses double from 0.1 s up to `maxBackoffMs`, shortened by chance. They do so
 * after connections that did not last as well: two clients under one name take it from one another at every attempt.
 */
export function openConnection(options: ConnectionOptions): BrokerConnection {
  return new ReconnectingConnection(options);
}

class ReconnectingConnection implements BrokerConnection {
  readonly #options: ConnectionOptions;
  readonly #stop = new AbortController();
  readonly #filters = new Set<string>();
  readonly #listeners: ((delivery: Delivery) => void)[] = [];
  readonly #upListeners: (() => void)[] = [];
  readonly #downListeners: (() => void)[] = [];
  readonly #kept: Promise<void>;
  #url: string;
  /** Of the attempt or connection of now, and the pause after it. */
  #left = new AbortController();
  #client: MqttClient | undefined;
  #up = false;
  #upSinceMs = 0;
  #lastError: CutpointError | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#url = options.url;
    this.#kept = this.#keep();
  }

  get url(): string {
    return this.#url;
  }

  get connected(): boolean {
    return this.#up;
  }

  get lastError(): CutpointError | undefined {
    return this.#lastError;
  }

  async publish(topic: string, message: unknown, { acknowledged, retain = false }: PublishOptions): Promise<void> {
    const client = this.#client;
    if (client === undefined || !this.#up) throw this.#away();
    const payload = encode(message);
    try {
      await client.publishAsync(topic, payload, { qos: acknowledged ? 1 : 0, retain });
    } catch (thrown) {
      throw asCutpointError(thrown, 'CUT_UNREACHABLE', `The broker at ${this.url} did not take a message`);
    }
  }

  send(topic: string, message: unknown): void {
    if (this.#up) this.#client?.publish(topic, encode(message), { qos: 0 });
  }

  subscribe(filters: readonly string[], listener: (delivery: Delivery) => void): void {
    for (const filter of filters) this.#filters.add(filter);
    this.#listeners.push(listener);
    const client = this.#client;
    if (client === undefined || !this.#up) return;
    this.#subscribe(client, filters).catch((thrown: unknown) => this.#problem(thrown));
  }

  onUp(listener: () => void): void {
    this.#upListeners.push(listener);
    if (this.#up) listener();
  }

  onDown(listener: () => void): void {
    this.#downListeners.push(listener);
  }

  moveTo(url: string): void {
    if (url === this.#url) return;
    this.#url = url;
    this.#left.abort();
    this.#client?.end(true);
  }

  async untilUp(signal: AbortSignal): Promise<void> {
    while (!this.#up) {
      if (signal.aborted || this.#stop.signal.aborted) throw this.#away();
      await pause(20, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    const client = this.#client;
    if (client !== undefined) await goodbye(client);
    await this.#kept;
  }

  async #keep(): Promise<void> {
    const { maxBackoffMs = 10_000 } = this.#options;
    const afterFailures = new Backoff(maxBackoffMs);
    const whileRefused = new Backoff(Math.max(maxBackoffMs, refusedBackoffMs));
    const afterShortOnes = new Backoff(maxBackoffMs);
    while (!this.#stop.signal.aborted) {
      const left = new AbortController();
      this.#left = left;
      const upMs = await this.#connectOnce(left.signal);
      if (upMs !== undefined || left.signal.aborted) for (const each of [afterFailures, whileRefused]) each.reset();
      // Of two that pause for as long as they may, each is up while the other pauses.
      if (upMs !== undefined && upMs > 2 * maxBackoffMs) afterShortOnes.reset();
      const failed = this.#lastError?.code === 'CUT_UNAUTHORISED' ? whileRefused : afterFailures;
      const pauseMs = (upMs === undefined ? failed : afterShortOnes).nextMs();
      await pause(pauseMs * (0.5 + Math.random() / 2), AbortSignal.any([this.#stop.signal, left.signal]));
    }
  }

  /** One connection from its start to its end. For how long it was good for something; undefined for one that never was. */
  async #connectOnce(left: AbortSignal): Promise<number | undefined> {
    const tell = (thrown: unknown): void => {
      told = true;
      if (!left.aborted) this.#problem(thrown);
    };
    let told = false;
    const client = await this.#open(left).catch(tell);
    if (client === undefined) return undefined;
    this.#client = client;
    const ended = new Promise<void>((resolve) => client.once('close', resolve));
    client.on('error', (error) => tell(inWords(error, this.url)));
    client.on('message', (topic, payload, { retain }) => this.#deliver({ topic, payload, retained: retain }));
    client.once('connect', () => {
      sendAtOnce(client);
      this.#settle(client).catch((thrown: unknown) => {
        tell(thrown);
        client.end(true);
      });
    });
    if (this.#stop.signal.aborted || left.aborted) client.end(true);
    await ended;
    const upMs = this.#up ? performance.now() - this.#upSinceMs : undefined;
    // With TLS 1.3, a certificate is refused after the handshake seems to be over, by the end of the connection.
    if (upMs === undefined && !told) tell(new CutpointError('CUT_UNREACHABLE', `${closedUnheard} at ${this.url}.`));
    this.#up = false;
    this.#client = undefined;
    client.end(true);
    if (upMs !== undefined && !this.#stop.signal.aborted) for (const listener of this.#downListeners) listener();
    return upMs;
  }

  async #settle(client: MqttClient): Promise<void> {
    // While these are on their way, others may come.
    for (const asked = new Set<string>(); asked.size < this.#filters.size; ) {
      const missing = [...this.#filters].filter((filter) => !asked.has(filter));
      await this.#subscribe(client, missing);
      for (const filter of missing) asked.add(filter);
    }
    if (this.#client !== client || !client.connected) return;
    this.#up = true;
    this.#upSinceMs = performance.now();
    this.#lastError = undefined;
    for (const listener of this.#upListeners) listener();
  }

  async #open(left: AbortSignal): Promise<MqttClient> {
    const { connect, MqttClient: Client } = await import('mqtt');
    const { device, password, will, keepAliveSeconds = 5, connectTimeoutMs = 5_000 } = this.#options;
    const tls = this.#options.tls?.();
    const options: IClientOptions = {
      protocolVersion: 4,
      clientId: device,
      username: device,
      clean: true,
      // Every connection is a new client: nothing of a former one is sent again, nothing queues while there is none.
      reconnectPeriod: 0,
      queueQoSZero: false,
      resubscribe: false,
      connectTimeout: connectTimeoutMs,
      keepalive: keepAliveSeconds,
      // A half-dead connection is found by pings alone, since beats are sent whether or not anybody hears them.
      reschedulePings: false,
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined || tls.check !== undefined ? {} : pemsOf(tls)),
      ...(will === undefined
        ? {}
        : { will: { topic: will.topic, payload: encode(will.message), qos: 1, retain: true } }),
    };
    if (tls?.check === undefined) return connect(this.url, options);
    const { hostname, port } = new URL(this.url);
    const signal = AbortSignal.any([this.#stop.signal, left, AbortSignal.timeout(connectTimeoutMs)]);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const socket = await dialTls({ host, port: Number(port), url: this.url, tls, signal });
    return new Client(() => socket, options);
  }

  async #subscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
    if (filters.length === 0) return;
    const refused = await refusedOf(client, filters);
    if (refused.length === 0) return;
    const message = `The broker at ${this.url} refuses to let ${this.#options.device} subscribe to ${refused.join(', ')}: check its rights.`;
    throw new CutpointError('CUT_UNAUTHORISED', message);
  }

  #deliver(delivery: Delivery): void {
    if (delivery.payload.length > maxMessageBytes) {
      const message = `${delivery.topic} brought ${delivery.payload.length} bytes, more than the ${maxMessageBytes} that are allowed.`;
      this.#problem(new CutpointError('CUT_WIRE_TOO_LARGE', message));
      return;
    }
    for (const listener of this.#listeners) listener(delivery);
  }

  #problem(thrown: unknown): void {
    const error = asCutpointError(thrown, 'CUT_UNREACHABLE');
    if (this.#stop.signal.aborted) return;
    this.#lastError = error;
    this.#options.onProblem(error);
  }

  #away(): CutpointError {
    const why = this.#lastError === undefined ? '' : ` ${this.#lastError.message}`;
    const message = `There is no connection to the broker at ${this.url}.${why}`;
    return new CutpointError('CUT_UNREACHABLE', message, { cause: this.#lastError });
  }
}

/** Pauses that double from the first up to a longest. */
class Backoff {
  readonly #longestMs: number;
  #ms = firstBackoffMs;

  constructor(longestMs: number) {
    this.#longestMs = longestMs;
  }

  nextMs(): number {
    const now = this.#ms;
    this.#ms = Math.min(now * 2, this.#longestMs);
    return now;
  }

  reset(): void {
    this.#ms = firstBackoffMs;
  }
}

/** For a broker whose certificate OpenSSL judges. */
function pemsOf({ ca, cert, key }: ClientTls): IClientOptions & { readonly minVersion: 'TLSv1.3' } {
  return {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** Subscribes, and gives the filters that the broker refuses. */
async function refusedOf(client: MqttClient, filters: readonly string[]): Promise<readonly string[]> {
  try {
    const granted = await client.subscribeAsync([...filters], { qos: 1 });
    return granted.filter(({ qos }) => qos === refusedQos).map(({ topic }) => topic);
  } catch (thrown) {
    // Where any is refused, mqtt.js throws, with the answer to all of them.
    const { granted } = (thrown as { packet?: { granted?: readonly unknown[] } }).packet ?? {};
    const refused = filters.filter((_, i) => granted?.[i] === refusedQos);
    if (refused.length > 0) return refused;
    throw thrown;
  }
}

function encode(message: unknown): Buffer {
  const payload =
    message instanceof Uint8Array
      ? Buffer.from(message.buffer, message.byteOffset, message.byteLength)
      : Buffer.from(JSON.stringify(message));
  if (payload.length <= maxMessageBytes) return payload;
  const told = `A message of ${payload.length} bytes is longer than the ${maxMessageBytes} that are allowed.`;
  throw new CutpointError('CUT_WIRE_TOO_LARGE', told);
}

/** A small message and the acknowledgement of another would else wait for one another, 40 ms and more. */
function sendAtOnce({ stream }: MqttClient): void {
  if (stream instanceof Socket) stream.setNoDelay(true);
}

/** Says goodbye, so that the last will is not published; not for longer than a moment. */
async function goodbye(client: MqttClient): Promise<void> {
  const late = new AbortController();
  const said = client.endAsync().finally(() => late.abort());
  await Promise.race([said, pause(goodbyeMs, late.signal)]);
  client.end(true);
}

function inWords(error: Error & { code?: unknown }, url: string): CutpointError {
  // What a broker answers to a CONNECT (MQTT 3.1.1, section 3.2.2.3), as mqtt.js hands it on.
  if (error.code === 4 || error.code === 5) {
    const message = `The broker at ${url} does not let this device in: ${messageOf(error)}.`;
    return new CutpointError('CUT_UNAUTHORISED', message, { cause: error });
  }
  const reason = messageOf(error) || String(error.code ?? error.name);
  return new CutpointError('CUT_UNREACHABLE', `The broker at ${url} cannot be reached: ${reason}.`, { cause: error });
}
