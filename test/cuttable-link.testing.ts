import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

/** A TCP link through this process that can be cut as a cable is (nothing arrives any more, and nobody is told), or bring nonsense. */
export class CuttableLink implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server: net.Server;
  #farPort: number;
  #isCut = false;
  #isGarbled = false;

  /** Bytes that a cut link swallowed. */
  swallowedBytes = 0;
  /** All that passed, in either direction. */
  readonly passed: Buffer[] = [];

  private constructor(server: net.Server, farPort: number) {
    this.#server = server;
    this.#farPort = farPort;
  }

  static async open(host: string, port: number): Promise<CuttableLink> {
    const server = net.createServer();
    const link = new CuttableLink(server, port);
    server.on('connection', (near) => link.#join(near, net.connect({ host, port: link.#farPort, noDelay: true })));
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

  /** Leads new connections to another port, as if another server had taken the first one's place. */
  leadTo(port: number): void {
    this.#farPort = port;
  }

  /** Ends all connections, also of a cut link; new ones can be made. */
  drop(): void {
    this.#isCut = false;
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
        if (this.#isCut) {
          this.swallowedBytes += bytes.length;
          return;
        }
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
