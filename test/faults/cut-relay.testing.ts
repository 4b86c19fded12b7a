import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP relay that can be cut: nothing passes then, and nobody is told. */
export class CutRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  #held: Socket[] = [];
  #cut = false;

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((near) => {
      this.#keep(near);
      if (this.#cut) this.#held.push(near.pause());
      else this.#join(near);
    });
  }

  static async open(target: string): Promise<CutRelay> {
    const relay = new CutRelay(target);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get url(): string {
    return `${this.#target.protocol}//127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  heal(): void {
    this.#cut = false;
    for (const socket of this.#sockets) socket.resume();
    for (const near of this.#held) this.#join(near);
    this.#held = [];
  }

  #join(near: Socket): void {
    if (near.destroyed) return;
    const far = connect(Number(this.#target.port), this.#target.hostname);
    this.#keep(far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk) => to.write(chunk)).on('end', () => to.end());
      from.on('close', () => to.destroy());
    }
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // Its other end closes with it, and tells.
    socket.on('error', () => socket.destroy());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }
}
