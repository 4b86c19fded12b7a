import { asCutpointError, CutpointError } from '@cutpoint/core';
import { mostBriefNumber } from './brief-frame.js';
import { Call } from './calls.js';
import { Channel } from './channel.js';
import { checkFrameFits, encodeFrame } from './frame-encode.js';
import type { Frame } from './frame-reader.js';
import { type Hello, helloFrame, type Introduction, parseError, parseHello, type Remote } from './hello.js';
import type { WireLimits } from './limits.js';
import type { Link } from './link.js';
import type { OutgoingRequest, Peer, Reply, RequestOptions } from './peer.js';
import type { PeerIdentity } from './tls.js';

const maxPings = 64;

interface Ping {
  readonly sentAt: number;
  resolve(rttUs: number): void;
  reject(error: CutpointError): void;
}

/** How this side introduces itself. */
interface Greeting {
  readonly limits: WireLimits;
  readonly hello: Introduction | undefined;
  readonly token: string | undefined;
  /** What to say if the link ends without a word from the other side. */
  readonly hungUp: string | undefined;
  /** Who the certificate says the other side is. */
  readonly identity: PeerIdentity | undefined;
}

/** Introduces this side over a fresh link. @throws CutpointError why the server refused, or how the link broke. */
export function introduce(link: Link, { limits, hello, token, hungUp, identity }: Greeting): Promise<Peer> {
  return new Promise((resolve, reject) => {
    let peer: ClientPeer | undefined;
    let heard = false;
    const channel = new Channel(link, limits, {
      onFrame(frame) {
        heard = true;
        if (peer !== undefined) {
          peer.receive(frame);
          return;
        }
        // Why a server refuses; what a client words so would stand in the server's log as if it were its own.
        if (frame.type === 'error') throw parseError(frame);
        peer = new ClientPeer(channel, parseHello(frame), identity);
        channel.open();
        resolve(peer);
      },
      onClose(error) {
        if (peer === undefined) reject(lostBeforeHello(error, heard ? undefined : hungUp));
        else peer.lost(error);
      },
    });
    channel.send(helloFrame(hello, limits, token));
  });
}

function lostBeforeHello(error: CutpointError | undefined, hungUp: string | undefined): CutpointError {
  if (error !== undefined && (error.code !== 'CUT_CONNECTION_LOST' || hungUp === undefined)) return error;
  const message = hungUp ?? 'The other side closed the connection before it said hello.';
  return new CutpointError('CUT_CONNECTION_LOST', message, { cause: error });
}

class ClientPeer implements Peer {
  readonly remote: Remote;
  readonly closed: Promise<CutpointError | undefined>;
  readonly #channel: Channel;
  /** Calls the server has been asked and has not answered, also those given up: each holds one of its slots. */
  readonly #asked = new Map<number, Call>();
  /** Calls that wait for a slot, oldest first. */
  readonly #waiting = new Set<Call>();
  readonly #pings = new Map<number, Ping>();
  #resolveClosed!: (error: CutpointError | undefined) => void; // set by the promise's executor in the constructor
  #lastId = 0;
  /** Why no new request can be made. */
  #over: CutpointError | undefined;

  constructor(
    channel: Channel,
    { token: _, ...remote }: Hello & { token: string | undefined },
    identity: PeerIdentity | undefined,
  ) {
    this.#channel = channel;
    this.remote = identity === undefined ? remote : { ...remote, identity };
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  request(request: OutgoingRequest, options: RequestOptions = {}): Promise<Reply> {
    const call = new Call(request, options, (given) => this.#giveUp(given));
    if (call.settled) return call.promise;
    if (this.#over !== undefined) call.reject(this.#over);
    else if (this.#asked.size < this.remote.maxRequests) this.#ask(call);
    else if (this.#waiting.size < this.#channel.limits.maxQueued) this.#waiting.add(call);
    else
      call.reject(
        new CutpointError('CUT_OVERLOADED', `${this.#waiting.size} requests wait for this server; try again later.`),
      );
    return call.promise;
  }

  get unansweredBytes(): number {
    return [...this.#asked.values()].reduce((sum, { frame }) => sum + (frame?.bytes ?? 0), 0);
  }

  async ping(): Promise<number> {
    if (this.#over !== undefined) throw this.#over;
    if (this.#pings.size >= maxPings) {
      throw new CutpointError('CUT_OVERLOADED', `${maxPings} pings are under way; wait for one.`);
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextId(this.#pings);
      this.#pings.set(id, { sentAt: performance.now(), resolve, reject });
      this.#channel.send(encodeFrame('ping', id), { urgent: true });
    });
  }

  async close(reason?: CutpointError): Promise<void> {
    this.#end(reason ?? new CutpointError('CUT_DISPOSED', 'The connection was closed on this side.'));
    if (reason === undefined) this.#channel.close();
    else this.#channel.abandon(reason);
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  receive(frame: Frame): void {
    switch (frame.type) {
      case 'reply':
        this.#answered(frame.id, (call) => call.resolve(replyOf(frame, call)));
        break;
      case 'error':
        if (frame.id === 0) this.#channel.abandon(parseError(frame));
        else this.#answered(frame.id, (call) => call.reject(parseError(frame)));
        break;
      case 'pong':
        this.#ponged(frame.id);
        break;
      case 'goodbye':
        this.#goodbye();
        break;
      default:
        throw new CutpointError('CUT_WIRE_MALFORMED', `A server must not send a frame of type ${frame.type} here.`);
    }
  }

  /** The channel is closed. */
  lost(error: CutpointError | undefined): void {
    this.#end(error ?? new CutpointError('CUT_CONNECTION_LOST', 'The server closed the connection.'));
    this.#resolveClosed(error);
  }

  #ask(call: Call): void {
    const { method, meta, tensors } = call.request;
    const startedAt = performance.now();
    try {
      const id = this.#nextId(this.#asked);
      const { briefFrames } = this.remote;
      const options = { timeMs: call.budgetMs, headers: this.#channel.headers, mayBeBrief: briefFrames };
      call.frame = encodeFrame('request', id, meta === undefined ? { method } : { method, meta }, tensors, options);
      checkFrameFits(call.frame, this.remote);
      call.id = id;
    } catch (thrown) {
      call.reject(asCutpointError(thrown, 'CUT_INTERNAL'));
      return;
    }
    this.#asked.set(call.id, call);
    call.encodedAt = performance.now();
    call.encodeUs = (call.encodedAt - startedAt) * 1000;
    this.#channel.send(call.frame);
  }

  #giveUp(call: Call): void {
    if (this.#waiting.delete(call) || call.frame === undefined || !this.#asked.has(call.id)) return;
    if (this.#channel.takeBack(call.frame)) this.#free(call.id);
    else this.#channel.send(encodeFrame('cancel', call.id), { urgent: true });
  }

  #answered(id: number, settle: (call: Call) => void): void {
    const call = this.#asked.get(id);
    if (call === undefined)
      throw new CutpointError('CUT_WIRE_MALFORMED', `The server answered request ${id}, which it was not asked.`);
    settle(call);
    this.#free(id);
  }

  /** Gives the slot of an answered call to the next that waits. */
  #free(id: number): void {
    this.#asked.delete(id);
    for (const call of this.#waiting) {
      if (this.#asked.size >= this.remote.maxRequests) return;
      this.#waiting.delete(call);
      this.#ask(call);
    }
  }

  #ponged(id: number): void {
    const ping = this.#pings.get(id);
    this.#pings.delete(id);
    ping?.resolve((performance.now() - ping.sentAt) * 1000);
  }

  /** The server takes no new requests; it still answers those it was asked, and then closes. */
  #goodbye(): void {
    this.#over ??= new CutpointError('CUT_CONNECTION_LOST', 'The server is shutting down; connect again later.');
    for (const call of this.#waiting) call.reject(this.#over);
    this.#waiting.clear();
  }

  #end(error: CutpointError): void {
    this.#over ??= error;
    for (const call of [...this.#asked.values(), ...this.#waiting]) call.reject(error);
    for (const ping of this.#pings.values()) ping.reject(error);
    this.#asked.clear();
    this.#waiting.clear();
    this.#pings.clear();
  }

  /** Small enough for brief frames; far fewer are under way at a time. */
  #nextId(used: ReadonlyMap<number, unknown>): number {
    do {
      this.#lastId = this.#lastId === mostBriefNumber ? 1 : this.#lastId + 1;
    } while (used.has(this.#lastId));
    return this.#lastId;
  }
}

function replyOf({ fields: { meta }, tensors, bytes, timeMs, decodeUs, decodedAt }: Frame, call: Call): Reply {
  const remoteUs = timeMs * 1000;
  const networkUs = (decodedAt - call.encodedAt) * 1000 - remoteUs - decodeUs;
  const plain = typeof meta === 'object' && meta !== null && !Array.isArray(meta);
  return {
    meta: plain ? (meta as Reply['meta']) : {},
    tensors,
    timing: { encodeUs: call.encodeUs, networkUs: Math.max(0, networkUs), remoteUs, decodeUs },
    sentBytes: call.frame?.bytes ?? 0,
    receivedBytes: bytes,
  };
}
