import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./tcp-server.testing.mjs', import.meta.url));

export interface TcpServer extends AsyncDisposable {
  readonly url: string;
}

/** Starts the server of tcp-server.testing.mjs in a process of its own, through a prefix such as `ip netns exec NAME`. */
export async function openTcpServer(prefix: readonly string[] = [], at = 'tcp://127.0.0.1:0'): Promise<TcpServer> {
  const { hostname, port } = new URL(at);
  const [program = process.execPath, ...args] = [...prefix, process.execPath, script, hostname, port || '0'];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return {
    url: `tcp://${hostname}:${Number(String(line))}`,
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
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
