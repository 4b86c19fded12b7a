import { once } from 'node:events';
import net from 'node:net';

/** Sends one payload and waits until all of it has come back. Several calls may overlap; they finish in order. */
export interface EchoClient extends AsyncDisposable {
  echo(): Promise<void>;
}

/** The least a client can do: write the payload, count the bytes that come back. */
export async function bareClient(url: string, bytes: number): Promise<EchoClient> {
  const { hostname, port } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const payload = Buffer.alloc(bytes, 1);
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  let received = 0;
  socket.on('data', (chunk) => {
    received += chunk.length;
    while (received >= bytes) {
      received -= bytes;
      waiting.shift()?.resolve();
    }
  });
  socket.on('error', (error) => {
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  return {
    echo: () =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        socket.write(payload);
      }),
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await once(socket, 'close');
    },
  };
}
