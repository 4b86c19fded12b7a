import type { Socket } from 'node:net';

/** Bytes that are due next. Once all are there, `done` says what is due right behind them, if it knows. */
export interface Due {
  readonly into: Uint8Array;
  done(): Due | undefined;
}

/**
 * Fills arrays with what arrives on a socket, in the order in which they are asked for. What nobody asked for yet stays
 * where it is: at most one read is held, and the socket is paused until it is wanted.
 */
export class ExactReader {
  readonly #socket: Socket;
  readonly #due: Due[] = [];
  /** Of the first that is due. */
  #filled = 0;
  #rest: Uint8Array | undefined;
  /** Called with whatever arrives. */
  onBytes: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Bytes that nobody asked for are here. */
  get holdsMore(): boolean {
    return this.#rest !== undefined;
  }

  read(due: Due): void {
    this.#due.push(due);
    const rest = this.#rest;
    if (rest === undefined) {
      if (due.into.length === 0) this.take(due.into);
      return;
    }
    this.#rest = undefined;
    this.take(rest);
    if (!this.holdsMore) this.#socket.resume();
  }

  /** Bytes have arrived. They must not change before they are wanted, or the socket is resumed. */
  take(chunk: Uint8Array): void {
    this.onBytes();
    let at = 0;
    for (let due = this.#due[0]; due !== undefined; due = this.#due[0]) {
      const bytes = Math.min(chunk.length - at, due.into.length - this.#filled);
      due.into.set(chunk.subarray(at, at + bytes), this.#filled);
      at += bytes;
      this.#filled += bytes;
      if (this.#filled < due.into.length) return;
      this.#filled = 0;
      const next = due.done();
      if (next === undefined) this.#due.shift();
      else this.#due[0] = next;
    }
    if (at === chunk.length) return;
    this.#rest = chunk.subarray(at);
    this.#socket.pause();
  }
}
