import type { Socket } from 'node:net';
import { CutpointError } from '@cutpoint/core';

/** Counts the connections of a listener that have not said hello, and turns away those that are too many or too slow. */
export class Strangers {
  readonly #most: number;
  readonly #patienceMs: number;
  readonly #onRefused: (error: CutpointError, socket: Socket) => void;
  /** By remote address and port: a TLS socket and the TCP socket under it share these. */
  readonly #known = new Map<string, { socket: Socket; timer: NodeJS.Timeout }>();

  /** `onRefused` hears of each that is turned away, just before its end. */
  constructor(most: number, patienceMs: number, onRefused: (error: CutpointError, socket: Socket) => void) {
    this.#most = most;
    this.#patienceMs = patienceMs;
    this.#onRefused = onRefused;
  }

  /** A socket was accepted. False: it was destroyed, because too many others are waiting. */
  admit(socket: Socket): boolean {
    const key = keyOf(socket);
    if (key === undefined) {
      socket.destroy();
      return false;
    }
    if (this.#known.size >= this.#most) {
      const message = `${this.#most} connections have not said hello yet, and no more of them are taken.`;
      this.#refuse(new CutpointError('CUT_OVERLOADED', message), socket);
      return false;
    }
    const timer = setTimeout(() => {
      const message = `A connection was not ready to say hello within ${this.#patienceMs} ms.`;
      this.#refuse(new CutpointError('CUT_DEADLINE', message), socket);
    }, this.#patienceMs);
    this.#known.set(key, { socket, timer });
    socket.once('close', () => this.#forget(key));
    return true;
  }

  /** The handshake is over. From here on the wait for the hello has a deadline of its own, which tells the client why. */
  linked(socket: Socket): void {
    const known = this.#known.get(keyOf(socket) ?? '');
    if (known !== undefined) clearTimeout(known.timer);
  }

  /** The connection has said hello. */
  introduced(socket: Socket): void {
    this.#forget(keyOf(socket));
  }

  /** Closes the connections of all that have not said hello. */
  dismiss(): void {
    for (const { socket } of this.#known.values()) socket.destroy();
  }

  #refuse(error: CutpointError, socket: Socket): void {
    this.#onRefused(error, socket);
    socket.destroy();
  }

  #forget(key: string | undefined): void {
    if (key === undefined) return;
    clearTimeout(this.#known.get(key)?.timer);
    this.#known.delete(key);
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
