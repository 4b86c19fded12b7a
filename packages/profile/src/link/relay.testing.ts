import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** What a relay does to each direction. */
export interface RelayOptions {
  readonly delayMs: number;
  readonly upBytesPerS: number;
  readonly downBytesPerS: number;
}

export interface Relay extends AsyncDisposable {
  readonly port: number;
}

/** Listens on loopback and hands bytes on to `port`, each direction at its rate and after a delay. */
export async function startRelay(port: number, options: RelayOptions): Promise<Relay> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    hand(near, far, options.upBytesPerS, options.delayMs);
    hand(far, near, options.downBytesPerS, options.delayMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A line of pieces, each due when those before it have gone at the rate, and the delay is over. */
function hand(from: Socket, to: Socket, bytesPerS: number, delayMs: number): void {
  const line: { readonly piece: Buffer; readonly dueMs: number }[] = [];
  let freeAtMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const deliver = () => {
    timer = undefined;
    for (let head = line[0]; head !== undefined && head.dueMs <= performance.now(); head = line[0]) {
      line.shift();
      if (!to.destroyed) to.write(head.piece);
    }
    const [next] = line;
    if (next !== undefined && !to.destroyed) timer = setTimeout(deliver, Math.max(0, next.dueMs - performance.now()));
  };
  from.on('data', (piece: Buffer) => {
    freeAtMs = Math.max(freeAtMs, performance.now()) + (piece.length / bytesPerS) * 1000;
    line.push({ piece, dueMs: freeAtMs + delayMs });
    if (timer === undefined) deliver();
  });
}
