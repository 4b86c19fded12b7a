import { once } from 'node:events';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { CutpointError, systemReason } from '@cutpoint/core';
import { greetingMs } from './greet.js';

/** Where a rank can be dialled. */
export interface RankAddress {
  readonly host: string;
  readonly port: number;
}

/** How many may wait to be greeted. */
const mostWaiting = 64;

/** The address on which a rank hears the others; known before they are, so that they can be told. */
export class DataPort implements Disposable {
  readonly address: RankAddress;
  readonly #server: Server;
  readonly #waiting = new Set<Socket>();
  #onCaller: ((caller: Socket) => void) | undefined;

  private constructor(server: Server, address: RankAddress) {
    this.#server = server;
    this.address = address;
    server.on('connection', (socket) => this.#admit(socket));
  }

  /** @param address port 0 for any that is free. @throws CutpointError CUT_BIND */
  static async open({ host, port }: RankAddress): Promise<DataPort> {
    const server = net.createServer({ pauseOnConnect: true });
    try {
      server.listen({ host, port });
      await once(server, 'listening');
    } catch (thrown) {
      const message = `Other ranks cannot be heard on ${host}:${port}: ${systemReason(thrown)}.`;
      throw new CutpointError('CUT_BIND', message, { cause: thrown });
    }
    return new DataPort(server, { host, port: (server.address() as AddressInfo).port });
  }

  /** Hands over who connected, also those from before. */
  start(onCaller: (caller: Socket) => void): void {
    this.#onCaller = onCaller;
    for (const socket of this.#waiting) onCaller(socket);
    this.#waiting.clear();
  }

  /** Nobody can connect any more; those that were handed over stay. */
  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#waiting) socket.destroy();
  }

  #admit(socket: Socket): void {
    if (this.#onCaller !== undefined) {
      this.#onCaller(socket);
      return;
    }
    if (this.#waiting.size >= mostWaiting) {
      socket.destroy();
      return;
    }
    this.#waiting.add(socket);
    socket.once('error', () => socket.destroy());
    socket.once('close', () => this.#waiting.delete(socket));
    socket.setTimeout(greetingMs, () => {
      if (this.#waiting.has(socket)) socket.destroy();
    });
  }
}
