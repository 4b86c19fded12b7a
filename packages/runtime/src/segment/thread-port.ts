import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { enterNative, leaveNative } from './native-gate.js';
import type { Packet, ToWorker, WorkerPort } from './protocol.js';

/** The worker's end in a thread. @param gate what the thread's host made for it. */
export function threadPort(port: MessagePort, gate: Int32Array): WorkerPort {
  leaveNative(gate);
  let receive: (packet: Packet<ToWorker>) => void = () => {};
  return {
    post: (packet) =>
      port.postMessage(
        packet,
        packet.payloads.map((payload) => payload.buffer),
      ),
    onPacket(receiver) {
      receive = receiver;
      port.on('message', receive);
    },
    poll() {
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        receive(next.message);
      }
    },
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
