import { Socket } from 'node:net';
import { readPackets, writePacket } from './packet-stream.js';
import type { ToWorker, WorkerPort } from './protocol.js';

/** The file descriptor on which a child process talks with its parent. */
export const channelFd = 3;

/** The worker's end in a child process. When the parent goes, so does this process. */
export function processPort(): WorkerPort {
  const socket = new Socket({ fd: channelFd });
  socket.once('close', () => process.exit(0));
  // 'close' follows every error, and nobody is left who could be told.
  socket.on('error', () => {});
  return {
    post: (packet) => writePacket(socket, packet),
    onPacket: (receive) => readPackets<ToWorker>(socket, receive),
    native: (work) => work(),
    close: () => socket.destroy(),
  };
}
