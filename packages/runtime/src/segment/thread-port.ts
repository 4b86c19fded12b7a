import type { MessagePort } from 'node:worker_threads';
import type { Packet, ToWorker, WorkerPort } from './protocol.js';

/** The worker's end in a thread. */
export function threadPort(port: MessagePort): WorkerPort {
  return {
    post: (packet) =>
      port.postMessage(
        packet,
        packet.payloads.map((payload) => payload.buffer),
      ),
    onPacket: (receive) => port.on('message', (packet: Packet<ToWorker>) => receive(packet)),
    close: () => port.close(),
  };
}
