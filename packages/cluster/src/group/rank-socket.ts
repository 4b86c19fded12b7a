import net, { type OnReadOpts, type Socket } from 'node:net';
import { ExactReader } from './exact-reader.js';

/** A socket to or from another rank, and what reads from it. Closed or failed, it tells so once. */
export interface RankSocket {
  readonly socket: Socket;
  readonly reader: ExactReader;
}

const stagedBytes = 256 * 1024;

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
  const socket = net.connect({ host, port, onread, noDelay: true });
  reader = new ExactReader(socket);
  return { socket, reader };
}

/** Of a socket that a server accepted and paused. */
export function acceptedSocket(socket: Socket): RankSocket {
  socket.setNoDelay(true);
  const reader = new ExactReader(socket);
  socket.on('data', (chunk: Buffer) => reader.take(chunk));
  socket.resume();
  return { socket, reader };
}
