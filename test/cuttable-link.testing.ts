import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

/** A TCP link through this process that can be cut as a cable is (nothing arrives any more, and nobody is told), or bring nonsense. */
export class CuttableLink implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server: net.Server;
  #isCut = false;
  #isGarbled = false;

  /** All that passed, in either direction. */
  readonly passed: Buffer[] = [];

  private constructor(server: net.Server) {
    this.#server = server;
  }

  static async open(host: string, port: number): Promise<CuttableLink> {
    const server = net.createServer();
    const link = new CuttableLink(server);
    server.on('connection', (near) => link.#join(near, net.connect({ host, port, noDelay: true })));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    this.#isCut = true;
  }

  /** Ends all connections; new ones can be made. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** What the end that was dialled sends arrives as something else. */
  garble(): void {
    this.#isGarbled = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket, far: Socket): void {
    near.setNoDelay(true);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (bytes: Buffer) => {
        if (this.#isCut) return;
        this.passed.push(bytes);
        to.write(this.#isGarbled && from === far ? bytes.map((byte) => byte ^ 0xff) : bytes);
      });
      from.on('error', () => from.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        if (!this.#isCut) to.destroy();
      });
    }
  }
}
