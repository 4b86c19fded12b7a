import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BrokerConnection,
  brokerTlsOf,
  ContentStore,
  clientTlsOf,
  contentHandler,
  type DeviceIdentity,
  deviceId,
  fleetId,
  identityHandler,
  openBroker,
  openConnection,
  openFleetServer,
  pairDevice,
  type Refusal,
} from '@cutpoint/control';
import type { CutpointError } from '@cutpoint/core';
import { type ClientTls, connect, listen } from '@cutpoint/wire';

const day = 86_400_000;
export const fleet = fleetId.parse('home');

/** What somebody was told, and what an operator reads. */
export interface Attempt {
  readonly told: string;
  readonly logged: readonly string[];
}

/**
 * The doors of a fleet's server as its daemon opens them: the wire, the broker, and HTTPS for identities and content. Its
 * clock can be put forward.
 */
export class FleetDoors implements AsyncDisposable {
  /** A line for each refusal: code, network address and what happened. */
  readonly log: string[] = [];
  /** Requests that came through to the wire. */
  answered = 0;
  /** What devices sent to be paired, as somebody would record it who reads along. */
  readonly pairingMessages: Buffer[] = [];
  readonly #folder: string;
  readonly #closing: (() => Promise<unknown>)[] = [];
  #aheadMs = 0;
  server!: Awaited<ReturnType<typeof openFleetServer>>; // set by open
  content!: ContentStore; // set by open
  wireUrl = '';
  brokerUrl = '';
  httpsUrl = '';

  private constructor(folder: string) {
    this.#folder = folder;
    this.#closing.push(() => rm(folder, { recursive: true, force: true }));
  }

  static async open(): Promise<FleetDoors> {
    const doors = new FleetDoors(await mkdtemp(join(tmpdir(), 'cutpoint-doors-')));
    await doors.#open();
    return doors;
  }

  /** From now on the server's clock is so many days ahead. */
  later(days: number): void {
    this.#aheadMs += days * day;
  }

  /** Pairs a device as it is done by hand. */
  async pair(name: string): Promise<DeviceIdentity> {
    const { code } = await this.server.desk.open({ device: deviceId.parse(name) });
    return await this.pairWith(code);
  }

  async pairWith(code: string, name = 'thief'): Promise<DeviceIdentity> {
    const signal = AbortSignal.timeout(20_000);
    return (await pairDevice({ url: this.httpsUrl, code, name: deviceId.parse(name), signal })).identity;
  }

  /** Tries to pair with this code. */
  async tryPairing(code: string, name: string): Promise<Attempt> {
    return await this.watch(async () => void (await this.pairWith(code, name)));
  }

  /** Tries the wire with this certificate, and says what came of it. */
  async tryWire(tls: ClientTls): Promise<Attempt> {
    return await this.watch(async () => {
      await using peer = await connect({ url: this.wireUrl, connectTimeoutMs: 20_000, tls });
      await peer.request({ method: 'x' });
    });
  }

  /** Tries the broker under this name with this certificate. */
  async tryBroker(device: string, tls: ClientTls): Promise<Attempt> {
    return await this.watch(async () => {
      const problems: CutpointError[] = [];
      await using connection = this.join(device, tls, { problems });
      while (!connection.connected && problems.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      if (problems[0] !== undefined) throw problems[0];
    });
  }

  /** A connection to the broker. */
  join(
    device: string,
    tls: ClientTls,
    { problems = [], url = this.brokerUrl }: { problems?: CutpointError[]; url?: string } = {},
  ): BrokerConnection {
    const onProblem = (error: CutpointError) => problems.push(error);
    return openConnection({ url, device, tls: () => tls, maxBackoffMs: 60_000, onProblem });
  }

  /** Asks over HTTPS who is revoked, as devices do. */
  async tryHttps({ cert, key }: ClientTls): Promise<Attempt> {
    return await this.watch(async () => {
      const { status, text } = await this.get('/v1/identity', { cert, key });
      if (status !== 200) throw Object.assign(new Error(text), { code: JSON.parse(text).error.code });
    });
  }

  /** The path goes out as it is. */
  async get(path: string, options: https.RequestOptions): Promise<{ status: number | undefined; text: string }> {
    return await this.#request(path, options);
  }

  /** Sends these bytes to be paired. */
  async sendToPair(message: Buffer): Promise<{ status: number | undefined; text: string }> {
    const headers = { 'content-type': 'application/json', 'content-length': message.length };
    return await this.#request('/v1/pair', { method: 'POST', headers }, message);
  }

  async #request(path: string, options: https.RequestOptions, body?: Buffer) {
    const { hostname, port } = new URL(this.httpsUrl);
    const request = https.request({ ...options, host: hostname, port, path, rejectUnauthorized: false, agent: false });
    request.end(body);
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer> & { statusCode?: number }];
    let text = '';
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode, text };
  }

  /** What is told to the other side, and logged meanwhile. */
  async watch(act: () => Promise<void>): Promise<Attempt> {
    const [logged, audited] = [this.log.length, this.#audit().length];
    const lines = () => [...this.log.slice(logged), ...this.#audit().slice(audited)];
    let told = 'let in';
    try {
      await act();
    } catch (thrown) {
      told = String((thrown as { code?: unknown }).code);
    }
    // The line may come a moment after the answer.
    for (let tries = 0; tries < 500 && lines().length === 0 && told !== 'let in'; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return { told, logged: lines() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
  }

  /** The refusals in the audit log, oldest first. */
  #audit(): readonly string[] {
    const refusals = this.server.store.audit.newest(200).filter(({ event }) => event.endsWith('-refused'));
    return refusals.reverse().map(({ event, subject, detail }) => `${event} ${subject} ${detail}`);
  }

  async #open(): Promise<void> {
    const device = deviceId.parse('server');
    const nowMs = () => Date.now() + this.#aheadMs;
    const hosts = ['localhost', '127.0.0.1'];
    this.server = await openFleetServer({ folder: this.#folder, fleet, device, hosts, nowMs });
    this.#closing.push(async () => this.server[Symbol.dispose]());
    const listener = await listen({
      url: 'tcps://127.0.0.1:0',
      tls: this.server.listenTls(),
      handler: async () => ({ meta: { answered: ++this.answered } }),
      onError: ({ code, message }, _remote, address) => this.log.push(`${code} ${address} ${message}`),
    });
    this.#closing.push(() => listener.close());
    this.wireUrl = listener.url;
    const broker = await openBroker({
      fleet,
      listen: { host: '127.0.0.1', port: 0 },
      tls: this.server.brokerTls(),
      onRefused: ({ error: { code, message }, address, device: who, topic }: Refusal) =>
        this.log.push([code, address, who, topic, message].filter((part) => part !== undefined).join(' ')),
    });
    this.#closing.push(async () => await broker[Symbol.asyncDispose]());
    this.brokerUrl = broker.url;
    this.server.identities.onRevoked((revoked) => {
      listener.recheck();
      broker.disconnect(revoked);
    });
    await this.#openHttps();
  }

  #record(request: IncomingMessage): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => this.pairingMessages.push(Buffer.concat(chunks)));
  }

  async #openHttps(): Promise<void> {
    this.content = await ContentStore.open({ folder: join(this.#folder, 'content'), maxBytes: 1e6 });
    const identities = identityHandler(this.server.identities, this.server.desk);
    const content = contentHandler({
      store: this.content,
      onRefused: ({ code, message }, { socket }) => this.log.push(`${code} ${socket.remoteAddress} ${message}`),
    });
    const server = https.createServer(this.server.httpsTls(), (request, response) => {
      if (request.method === 'POST') this.#record(request);
      if (!identities(request, response)) void content(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#closing.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    this.httpsUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
}

/** What a device shows and checks on the wire and at the broker. */
export const asDevice = (identity: DeviceIdentity): ClientTls => clientTlsOf(identity, new Set());
export const atBroker = (identity: DeviceIdentity): ClientTls => brokerTlsOf(identity, new Set());
