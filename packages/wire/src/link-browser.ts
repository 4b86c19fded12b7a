import { CutpointError } from '@cutpoint/core';
import type { BrowserSocket } from './browser-socket.js';
import type { Link, LinkEvents } from './link.js';
import { closeCodes } from './websocket-codes.js';

/** So much may wait in the browser to be sent; there is no event for when it is gone, so it is looked at. */
const mostBufferedBytes = 1024 * 1024;
const lookMs = 4;
/** A page that stops reading for its own sake must not fill its memory with what comes meanwhile. */
const mostHeldBytes = 256 * 1024 * 1024;

/** A link over an open WebSocket of a browser. */
export class BrowserLink implements Link {
  readonly stepBytes = 256 * 1024;
  readonly #socket: BrowserSocket;
  #events: LinkEvents | undefined;
  #draining: ReturnType<typeof setTimeout> | undefined;
  #paused = false;
  /** What came while reading was stopped: a browser has no way to slow the other side down. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #closed = false;

  constructor(socket: BrowserSocket) {
    this.#socket = socket;
  }

  start(events: LinkEvents): void {
    this.#events = events;
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code }) => this.#finish(code === closeCodes.normal ? undefined : lost(code));
    if (this.#socket.readyState !== openState) this.#finish(lost(closeCodes.lost));
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (this.#closed || this.#socket.readyState !== openState) return true;
    for (const part of parts) this.#socket.send(part);
    if (this.#socket.bufferedAmount <= mostBufferedBytes) return true;
    this.#draining ??= setTimeout(() => this.#look(), lookMs);
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    while (!this.#paused) {
      const bytes = this.#held.shift();
      if (bytes === undefined) return;
      this.#heldBytes -= bytes.length;
      this.#events?.onData(bytes, true);
    }
  }

  end(): void {
    this.#socket.close(closeCodes.normal);
  }

  destroy(): void {
    this.#socket.close(closeCodes.normal);
    // The browser would wait for the other side's word.
    queueMicrotask(() => this.#finish(lost(closeCodes.lost)));
  }

  #receive(data: unknown): void {
    if (this.#closed) return;
    if (!(data instanceof ArrayBuffer)) {
      this.#socket.close(closeCodes.normal);
      this.#finish(new CutpointError('CUT_WIRE_MALFORMED', 'The other side sent text over the WebSocket.'));
      return;
    }
    const bytes = new Uint8Array(data);
    if (!this.#paused && this.#held.length === 0) {
      this.#events?.onData(bytes, true);
      return;
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes <= mostHeldBytes) return;
    this.#socket.close(closeCodes.normal);
    this.#finish(new CutpointError('CUT_OVERLOADED', 'More came than this page can hold before it reads it.'));
  }

  #look(): void {
    this.#draining = undefined;
    if (this.#closed) return;
    if (this.#socket.bufferedAmount > mostBufferedBytes / 2) this.#draining = setTimeout(() => this.#look(), lookMs);
    else this.#events?.onDrain();
  }

  #finish(error: CutpointError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#draining);
    this.#held = [];
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#events?.onClose(error);
  }
}

/** `WebSocket.OPEN`. */
export const openState = 1;

function lost(code: number): CutpointError {
  const why = code === closeCodes.lost ? 'the browser does not tell why' : `with code ${code}`;
  return new CutpointError('CUT_CONNECTION_LOST', `The WebSocket was closed: ${why}.`);
}
