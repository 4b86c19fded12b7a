import { CutpointError } from '@cutpoint/core';
import type { Link, LinkEvents } from './link.js';
import { type BindOptions, bindError, type Transport } from './transport.js';

/** The listeners of this process by name: what the network is to the other transports. */
const listeners = new Map<string, Pick<BindOptions, 'onLink'>>();

/** Frames between two parts of one process (`memory:name`). Bytes are copied on arrival, as on a network. */
export const memoryTransport: Transport = {
  async dial({ url, host }) {
    const listener = listeners.get(host);
    if (listener === undefined) throw new CutpointError('CUT_UNREACHABLE', `Nobody listens at ${url} in this process.`);
    const [near, far] = memoryLinks();
    listener.onLink(far, undefined);
    return near;
  },

  async bind({ url, host }, { onLink }) {
    if (listeners.has(host)) throw bindError(url, new Error('the name is taken'));
    listeners.set(host, { onLink });
    return {
      url,
      renew() {},
      async close() {
        listeners.delete(host);
      },
    };
  },
};

/** Two ends of one pipe. */
function memoryLinks(): [Link, Link] {
  const near = new MemoryLink();
  const far = new MemoryLink();
  near.connect(far);
  far.connect(near);
  return [near, far];
}

const maxBuffered = 256 * 1024;

class MemoryLink implements Link {
  readonly stepBytes = maxBuffered;
  #other: MemoryLink | undefined;
  #events: LinkEvents | undefined;
  /** What has arrived and has not been read. */
  readonly #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #writerWaits = false;
  #paused = false;
  #scheduled = false;
  #otherEnded = false;
  #ended = false;
  #closed = false;

  connect(other: MemoryLink): void {
    this.#other = other;
  }

  start(events: LinkEvents): void {
    this.#events = events;
    this.#schedule();
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (this.#ended || this.#other === undefined) return true;
    return this.#other.#arrive(parts);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#other === undefined) return;
    this.#other.#otherEnded = true;
    this.#other.#schedule();
  }

  destroy(): void {
    this.end();
    this.#inbox.length = 0;
    this.#inboxBytes = 0;
    setImmediate(() => this.#close());
  }

  #arrive(parts: readonly Uint8Array[]): boolean {
    if (this.#closed) return true;
    for (const part of parts) {
      this.#inbox.push(part);
      this.#inboxBytes += part.length;
    }
    this.#schedule();
    this.#writerWaits = this.#inboxBytes >= maxBuffered;
    return !this.#writerWaits;
  }

  #drained(): void {
    this.#events?.onDrain();
  }

  #schedule(): void {
    if (this.#scheduled || this.#events === undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    while (!this.#paused && !this.#closed) {
      const chunk = this.#inbox.shift();
      if (chunk === undefined) break;
      this.#inboxBytes -= chunk.length;
      this.#events?.onData(chunk, false);
    }
    if (this.#writerWaits && this.#inboxBytes < maxBuffered) {
      this.#writerWaits = false;
      if (this.#other !== undefined) this.#other.#drained();
    }
    if (this.#otherEnded && this.#inbox.length === 0) this.#close();
  }

  /** As with a socket: the end of the other side's bytes ends this side too. */
  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.end();
    this.#events?.onClose();
  }
}
