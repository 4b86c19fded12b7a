import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A bare TCP server: a request is the number of bytes that follow and the number of bytes wanted back, as two u32.
 */
export async function openTcpServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    let head = Buffer.alloc(0);
    let left = -1;
    let reply = 0;
    socket.on('data', (bytes) => {
      if (left < 0) {
        head = Buffer.concat([head, bytes]);
        if (head.length < 8) return;
        left = head.readUInt32LE(0) - (head.length - 8);
        reply = head.readUInt32LE(4);
        head = Buffer.alloc(0);
      } else left -= bytes.length;
      if (left > 0) return;
      left = -1;
      socket.write(Buffer.alloc(reply));
    });
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export interface TcpClient extends Disposable {
  /** Sends so many bytes and waits for so many: how long that took. */
  exchange(upBytes: number, downBytes: number): Promise<number>;
}

export async function connectTcp(url: string): Promise<TcpClient> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  let received: (bytes: Buffer) => void = () => {};
  socket.on('data', (bytes) => received(bytes));
  return {
    exchange(upBytes, downBytes) {
      return new Promise((resolve, reject) => {
        const head = Buffer.alloc(8);
        head.writeUInt32LE(upBytes, 0);
        head.writeUInt32LE(downBytes, 4);
        let left = downBytes;
        const fromMs = performance.now();
        const lost = () => reject(new Error('the connection was lost'));
        socket.once('close', lost);
        received = (bytes) => {
          left -= bytes.length;
          if (left > 0) return;
          socket.off('close', lost);
          resolve(performance.now() - fromMs);
        };
        socket.write(Buffer.concat([head, Buffer.alloc(upBytes)]));
      });
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

export function quartile(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 4)] ?? Number.NaN;
}
