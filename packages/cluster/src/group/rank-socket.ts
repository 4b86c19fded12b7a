import net, { type OnReadOpts, type Socket } from 'node:net';
import { ExactReader } from './exact-reader.js';

/** A socket to or from another rank, and what reads from it. Closed or failed, it tells so once. */
export interface RankSocket {
  readonly socket: Socket;
  readonly reader: ExactReader;
}

const stagedBytes = 256 * 1024;

/** The system asks a silent peer each second whether it is there, and closes after ten without an answer. */
const watched = { keepAlive: true, keepAliveInitialDelay: 1_000 } as const;

/** A socket that connects and reads into one buffer of its own: Node offers this only to sockets that connect. */
export function connectingSocket(host: string, port: number): RankSocket {
  const buffer = new Uint8Array(stagedBytes);
  let reader: ExactReader | undefined;
  const onread: OnReadOpts = {
    buffer,
    callback: (bytes) => {
      reader?.take(buffer.subarray(0, bytes));
      return true;
    },
  };
  const socket = net.connect({ host, port, onread, noDelay: true, ...watched });
  reader = new ExactReader(socket);
  return { socket, reader };
}

/** Of a socket that a server accepted and paused, or one that is encrypted. */
export function readingSocket(socket: Socket): RankSocket {
  socket.setNoDelay(true);
  socket.setKeepAlive(watched.keepAlive, watched.keepAliveInitialDelay);
  const reader = new ExactReader(socket);
  socket.on('data', (chunk: Buffer) => reader.take(chunk));
  socket.resume();
  return { socket, reader };
}
