import type { MessagePort } from 'node:worker_threads';
import { enterNative, leaveNative } from './native-gate.js';
import type { Packet, ToWorker, WorkerPort } from './protocol.js';

/** The worker's end in a thread. @param gate what the thread's host made for it. */
export function threadPort(port: MessagePort, gate: Int32Array): WorkerPort {
  leaveNative(gate);
  return {
    post: (packet) =>
      port.postMessage(
        packet,
        packet.payloads.map((payload) => payload.buffer),
      ),
    onPacket: (receive) => port.on('message', (packet: Packet<ToWorker>) => receive(packet)),
    async native(work) {
      enterNative(gate);
      try {
        return await work();
      } finally {
        leaveNative(gate);
      }
    },
    close: () => port.close(),
  };
}
