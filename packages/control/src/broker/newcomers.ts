import type { Socket } from 'node:net';

/** The connections that were not let in yet: bounded in number, each with a deadline that sending does not extend. */
export class Newcomers {
  readonly #most: number;
  readonly #patienceMs: number;
  /** By remote address and port: a TLS socket and the TCP socket under it share these. */
  readonly #known = new Map<string, { socket: Socket; timer: NodeJS.Timeout }>();

  constructor(most: number, patienceMs: number) {
    this.#most = most;
    this.#patienceMs = patienceMs;
  }

  /** A socket was accepted. False: too many others are waiting, it was closed. `onLate` is told when time is up. */
  admit(socket: Socket, onLate: () => void): boolean {
    const key = keyOf(socket);
    if (this.#known.size >= this.#most) {
      socket.destroy();
      return false;
    }
    const timer = setTimeout(() => {
      onLate();
      socket.destroy();
    }, this.#patienceMs);
    this.#known.set(key, { socket, timer });
    socket.once('close', () => this.#forget(key));
    return true;
  }

  /** The client behind this socket was let in. */
  letIn(socket: Socket): void {
    this.#forget(keyOf(socket));
  }

  /** Closes all of them. */
  dismiss(): void {
    for (const { socket } of this.#known.values()) socket.destroy();
  }

  #forget(key: string): void {
    clearTimeout(this.#known.get(key)?.timer);
    this.#known.delete(key);
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
