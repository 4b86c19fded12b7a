import type { Socket } from 'node:net';

/** Counts the connections of a listener that have not said hello, and turns away those that are too many or too slow. */
export class Strangers {
  readonly #most: number;
  readonly #patienceMs: number;
  /** By remote address and port: a TLS socket and the TCP socket under it share these. */
  readonly #known = new Map<string, { socket: Socket; timer: NodeJS.Timeout }>();

  constructor(most: number, patienceMs: number) {
    this.#most = most;
    this.#patienceMs = patienceMs;
  }

  /** A socket was accepted. False: it was destroyed, because too many others are waiting. */
  admit(socket: Socket): boolean {
    const key = keyOf(socket);
    if (this.#known.size >= this.#most || key === undefined) {
      socket.destroy();
      return false;
    }
    const timer = setTimeout(() => socket.destroy(), this.#patienceMs);
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

  #forget(key: string | undefined): void {
    if (key === undefined) return;
    clearTimeout(this.#known.get(key)?.timer);
    this.#known.delete(key);
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
