import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { CutpointError } from '@cutpoint/core';
import type { BrokerLimits } from './limits.js';
import { PacketMeter } from './packet-meter.js';
import { RateBudget } from './rate-budget.js';

/** Bytes that wait for clients of the broker, all together. */
export interface QueuedBytes {
  inAll: number;
}

/** Below its share of what all may have, a client is not dropped because others are slow. */
const fairShareBytes = 64 * 1024;

/**
 * The socket of one client, as the broker sees it: it never delivers a packet that is too long, is read more slowly when
 * it sends too fast, and never makes the broker wait for a slow reader: what the reader leaves lying is bounded, and
 * beyond that the client is dropped.
 */
export class GuardedStream extends Duplex {
  readonly socket: Socket;
  readonly #limits: BrokerLimits;
  readonly #queued: QueuedBytes;
  readonly #meter = new PacketMeter();
  readonly #packets: RateBudget;
  readonly #bytes: RateBudget;
  #maxPacketBytes: number;
  #slowed = true;
  #ownQueued = 0;
  #throttle: NodeJS.Timeout | undefined;
  #wanted = false;

  constructor(socket: Socket, limits: BrokerLimits, queued: QueuedBytes) {
    super({ autoDestroy: true });
    this.socket = socket;
    this.#limits = limits;
    this.#queued = queued;
    const nowMs = performance.now();
    this.#packets = new RateBudget(limits.packetsPerSecond, nowMs);
    this.#bytes = new RateBudget(limits.bytesPerSecond, nowMs);
    this.#maxPacketBytes = limits.maxConnectBytes;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#arrived(chunk));
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** The client was let in: longer packets are taken from now on, and those of servers as fast as they come. */
  letIn({ slowed }: { slowed: boolean }): void {
    this.#maxPacketBytes = this.#limits.maxPacketBytes;
    this.#slowed = slowed;
  }

  #arrived(chunk: Buffer): void {
    try {
      const packets = this.#meter.take(chunk, this.#maxPacketBytes);
      if (this.#slowed) this.#slowDown(packets, chunk.length);
    } catch (thrown) {
      this.destroy(thrown as CutpointError);
      return;
    }
    this.#wanted = this.push(chunk);
    if (!this.#wanted) this.socket.pause();
  }

  #slowDown(packets: number, bytes: number): void {
    const nowMs = performance.now();
    const waitMs = Math.max(this.#packets.spend(packets, nowMs), this.#bytes.spend(bytes, nowMs));
    if (waitMs === 0) return;
    this.socket.pause();
    clearTimeout(this.#throttle);
    this.#throttle = setTimeout(() => {
      this.#throttle = undefined;
      if (this.#wanted) this.socket.resume();
    }, waitMs);
  }

  override _read(): void {
    this.#wanted = true;
    if (this.#throttle === undefined) this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    done(this.#enqueue(chunk));
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    done(this.#enqueue(Buffer.concat(chunks.map(({ chunk }) => chunk))));
  }

  #enqueue(bytes: Buffer): Error | null {
    const { maxQueuedBytes, maxQueuedBytesInAll } = this.#limits;
    const own = this.#ownQueued + bytes.length;
    const tooMuch = this.#queued.inAll + bytes.length > maxQueuedBytesInAll && own > fairShareBytes;
    if (own > maxQueuedBytes || tooMuch) {
      const message = `${own} bytes wait for this client, which does not read them: it is dropped.`;
      return new CutpointError('CUT_OVERLOADED', message);
    }
    this.#count(bytes.length);
    this.socket.write(bytes, () => this.#count(-bytes.length));
    return null;
  }

  #count(bytes: number): void {
    if (this.destroyed) return;
    this.#ownQueued += bytes;
    this.#queued.inAll += bytes;
  }

  override _final(done: (error?: Error | null) => void): void {
    this.socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#throttle);
    this.#queued.inAll -= this.#ownQueued;
    this.#ownQueued = 0;
    this.socket.destroy();
    done(error);
  }
}
