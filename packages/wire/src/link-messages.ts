import { CutpointError } from '@cutpoint/core';
import { KeepAlive } from './keep-alive.js';
import type { Link, LinkEvents } from './link.js';
import { headBytes, type Message, type MessageType, type Reason, reasonBody } from './message-format.js';

/** How one end of a link reaches the other. */
export interface MessageRoute {
  /** For sentences: `pi-2`. */
  readonly device: string;
  send(type: MessageType, numbers: { seq: number; limit: number }, parts: readonly Uint8Array[]): void;
  /** The link is closed and hears nothing more. */
  forget(): void;
}

export interface MessageLinkOptions {
  /** Longest message that both ends and the broker take. */
  readonly maxMessageBytes: number;
  /** Messages that may be under way to this end and not read yet. */
  readonly window: number;
  /** What the other end has allowed so far. */
  readonly limit: number;
  readonly silenceMs: number;
}

/** An end that allows more than this at once is not believed: the broker would have to hold it all. */
const maxWindow = 256;
const end = Symbol('end');

/**
 * A pipe of bytes made of messages through a broker. Numbers tell what is missing or came twice; the receiver allows a
 * few messages at a time and more as it reads, so that neither it nor the broker has to hold much for a slow reader.
 */
export class MessageLink implements Link {
  readonly stepBytes: number;
  readonly #route: MessageRoute;
  readonly #bodyBytes: number;
  readonly #window: number;
  readonly #keepAlive: KeepAlive;
  #events: LinkEvents | undefined;
  /** What was written and has not been sent; of its first part, `#sentOfFirst` bytes were. */
  readonly #outbox: Uint8Array[] = [];
  #sentOfFirst = 0;
  #outboxBytes = 0;
  #nextSeq = 0;
  /** Numbers below this may be sent. */
  #limit: number;
  #writerWaits = false;
  #ending = false;
  #endSent = false;
  /** What has arrived and has not been read. */
  readonly #inbox: (Uint8Array | typeof end)[] = [];
  #expectedSeq = 0;
  #readCount = 0;
  /** What the other end was allowed last. */
  #allowed: number;
  #paused = false;
  #scheduled = false;
  #endHeard = false;
  #closed = false;
  #error: CutpointError | undefined;

  constructor(route: MessageRoute, { maxMessageBytes, window, limit, silenceMs }: MessageLinkOptions) {
    this.#route = route;
    this.#bodyBytes = maxMessageBytes - headBytes;
    this.stepBytes = 4 * this.#bodyBytes;
    this.#window = window;
    this.#allowed = window;
    this.#limit = Math.min(limit, maxWindow);
    this.#keepAlive = new KeepAlive(silenceMs, {
      ping: () => this.#allow(),
      judge: () => true,
      lost: () => this.#fail('lost', `nothing came from ${route.device} for ${silenceMs} ms`),
    });
  }

  start(events: LinkEvents): void {
    this.#events = events;
    this.#schedule();
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (this.#ending || this.#closed) return true;
    for (const part of parts) {
      if (part.length === 0) continue;
      this.#outbox.push(part);
      this.#outboxBytes += part.length;
    }
    this.#pump();
    this.#writerWaits = this.#outboxBytes > 0;
    return !this.#writerWaits;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  end(): void {
    this.#ending = true;
    this.#pump();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#send('reset', this.#nextSeq, [reasonBody('aborted')]);
    this.#stop(undefined);
  }

  /** A message of this link has arrived; never `open`, `accept` or `refuse`. */
  receive({ type, seq, limit, body }: Message): void {
    if (this.#closed) return;
    this.#keepAlive.heard();
    if (type === 'reset') {
      this.lost(`${this.#route.device} gave it up`);
      return;
    }
    if (seq > this.#expectedSeq) {
      this.#fail('lost', `message ${this.#expectedSeq} from ${this.#route.device} did not arrive`);
      return;
    }
    // A limit is never taken back, so an old message that comes again changes nothing.
    this.#limit = Math.max(this.#limit, Math.min(limit, this.#nextSeq + maxWindow));
    if (type !== 'credit' && seq === this.#expectedSeq) this.#accept(type === 'end' ? end : body);
    this.#pump();
    if (this.#writerWaits && this.#outboxBytes === 0) {
      this.#writerWaits = false;
      this.#events?.onDrain();
    }
  }

  /** The way to the other end is gone. */
  lost(why: string): void {
    if (!this.#closed)
      this.#stop(new CutpointError('CUT_CONNECTION_LOST', `The link through the broker was lost: ${why}.`));
  }

  #accept(item: Uint8Array | typeof end): void {
    if (this.#expectedSeq >= this.#allowed) {
      this.#fail('broken', `${this.#route.device} sent more than it was allowed to`);
      return;
    }
    this.#expectedSeq++;
    this.#inbox.push(item);
    this.#deliver();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#events === undefined) return;
    while (!this.#paused && !this.#closed) {
      const item = this.#inbox.shift();
      if (item === undefined) break;
      this.#readCount++;
      if (item === end) this.#endHeard = true;
      else this.#events.onData(item, false);
    }
    if (this.#closed) {
      this.#tellClosed();
      return;
    }
    if (this.#readCount + this.#window - this.#allowed >= this.#window / 4) this.#allow();
    // As with a socket: the end of the other side's bytes ends this side too.
    if (this.#endHeard) this.end();
  }

  /** Tells the other end how far it may go; it is also the sign of life. */
  #allow(): void {
    this.#send('credit', this.#nextSeq, []);
  }

  #pump(): void {
    while (!this.#closed && this.#outboxBytes > 0 && this.#nextSeq < this.#limit) {
      this.#send('data', this.#nextSeq++, this.#take());
    }
    if (this.#closed) return;
    if (this.#ending && !this.#endSent && this.#outboxBytes === 0 && this.#nextSeq < this.#limit) {
      this.#endSent = true;
      this.#send('end', this.#nextSeq++, []);
    }
    if (this.#endSent && this.#endHeard) this.#stop(undefined);
  }

  /** As much of what was written as one message holds. */
  #take(): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let room = this.#bodyBytes;
    for (let first = this.#outbox[0]; first !== undefined && room > 0; first = this.#outbox[0]) {
      const piece = first.subarray(this.#sentOfFirst, this.#sentOfFirst + room);
      taken.push(piece);
      room -= piece.length;
      this.#sentOfFirst += piece.length;
      if (this.#sentOfFirst < first.length) break;
      this.#outbox.shift();
      this.#sentOfFirst = 0;
    }
    this.#outboxBytes -= this.#bodyBytes - room;
    return taken;
  }

  #send(type: MessageType, seq: number, parts: readonly Uint8Array[]): void {
    this.#allowed = this.#readCount + this.#window;
    this.#route.send(type, { seq, limit: this.#allowed }, parts);
  }

  #fail(reason: Reason, why: string): void {
    this.#send('reset', this.#nextSeq, [reasonBody(reason)]);
    this.lost(why);
  }

  #stop(error: CutpointError | undefined): void {
    this.#closed = true;
    this.#error = error;
    this.#keepAlive.stop();
    this.#outbox.length = 0;
    this.#outboxBytes = 0;
    this.#inbox.length = 0;
    this.#route.forget();
    this.#schedule();
  }

  #tellClosed(): void {
    const events = this.#events;
    this.#events = undefined;
    events?.onClose(this.#error);
  }
}
