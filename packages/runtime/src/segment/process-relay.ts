import { Socket } from 'node:net';
import { readPackets, writePacket } from './packet-stream.js';
import type { FromWorker, Packet, ToWorker } from './protocol.js';
import { startThreadHost } from './thread-host.js';

/** The file descriptor on which a worker process talks with its parent. */
export const channelFd = 3;

/**
 * Serves a segment in a process: passes packets between the parent and a worker thread of this process. With the
 * inference on a thread of its own, the next inputs arrive meanwhile, and this process ends as soon as its parent does.
 */
export function relaySegment(): void {
  const channel = new Socket({ fd: channelFd });
  const host = startThreadHost({
    onPacket: (packet) => writePacket(channel, withoutInputs(packet)),
    onGone: (why) => {
      process.stderr.write(`The worker thread of the segment's process ${why}.\n`);
      process.exit(1);
    },
  });
  readPackets<ToWorker>(channel, (packet) => host.post(packet));
  // The one way to end at once while the thread is in native code.
  channel.once('close', () => process.kill(process.pid, 'SIGKILL'));
  // Ctrl-C and service managers signal the whole group; the parent decides when this process has done its work.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  // 'close' follows every error, and nobody is left who could be told.
  channel.on('error', () => {});
}

/** Buffers can be given back between threads only; a process would send their bytes. */
function withoutInputs({ message, payloads }: Packet<FromWorker>): Packet<FromWorker> {
  return message.kind === 'ran'
    ? { message, payloads: payloads.slice(0, message.outputs.length) }
    : { message, payloads };
}
