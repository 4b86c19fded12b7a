import { Worker } from 'node:worker_threads';
import { messageOf } from '@cutpoint/core';
import { forgetGate, openGate } from './native-gate.js';
import type { FromWorker, HostEvents, Packet, ToWorker, WorkerHost } from './protocol.js';
import { workerScript } from './worker-script.js';

/**
 * A worker makes little garbage besides tensors, whose bytes lie outside of its heap. By default a heap's youngest part
 * grows to 48 MB before any of it is collected; this one made an agent under load 15 MB larger, and no faster.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 3 };

/** Starts a worker thread. Payload buffers are transferred, never copied. */
export function startThreadHost(events: HostEvents): WorkerHost {
  const gate = openGate();
  const worker = new Worker(workerScript, { workerData: gate, execArgv: [], resourceLimits });
  let why = 'ended';
  worker.on('message', (packet: Packet<FromWorker>) => events.onPacket(packet));
  worker.on('error', (error) => {
    why = `failed: ${messageOf(error)}`;
  });
  const gone = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      forgetGate(gate);
      resolve();
      events.onGone(why);
    });
  });
  let stopping = false;
  return {
    post: (packet) =>
      worker.postMessage(
        packet,
        packet.payloads.map((payload) => payload.buffer),
      ),
    async stop() {
      // Never terminate(): inside native code it aborts the whole process (an uncaught Napi::Error in onnxruntime-node).
      if (!stopping) worker.postMessage({ message: { kind: 'stop' }, payloads: [] } satisfies Packet<ToWorker>);
      stopping = true;
      await gone;
    },
  };
}
