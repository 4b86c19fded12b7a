import { asCutpointError, CutpointError } from '@cutpoint/core';
import { nowUs } from './clock.js';
import { listOrtProviders, OrtSession } from './ort-session.js';
import type { LoadMessage, Packet, RunMessage, ToWorker, WorkerPort } from './protocol.js';
import { SlowDown } from './slow-down.js';

/** Serves one segment over a port: loads it once, then runs what arrives, in order. */
export function serveSegment(port: WorkerPort): void {
  const waiting: Packet<RunMessage>[] = [];
  let session: OrtSession | undefined;
  let draining = false;
  let work = Promise.resolve();
  let freeAt = nowUs();
  let slowDown = new SlowDown(1);

  async function load(message: LoadMessage, payloads: Packet<ToWorker>['payloads']): Promise<void> {
    try {
      slowDown = new SlowDown(message.settings.slowDown);
      session = await port.native(() => OrtSession.load(message, payloads));
      port.post({ message: { kind: 'loaded', inputs: session.inputs, outputs: session.outputs }, payloads: [] });
    } catch (thrown) {
      const { code, message: text } = asCutpointError(thrown, 'CUT_LOAD');
      port.post({ message: { kind: 'refused', code, message: text }, payloads: [] });
    }
  }

  async function run({ message, payloads }: Packet<RunMessage>): Promise<void> {
    try {
      if (session === undefined)
        throw new CutpointError('CUT_INTERNAL', 'A run arrived before the segment was loaded.');
      const loaded = session;
      slowDown.begin();
      const ran = await port.native(() => loaded.run(message, payloads));
      const { computeFrom, computeTo } = ran.marks;
      const marks = { freeAt, computeFrom, computeTo: slowDown.end(computeFrom, computeTo) };
      port.post({
        message: { kind: 'ran', id: message.id, outputs: ran.outputs, marks },
        payloads: [...ran.payloads, ...payloads],
      });
    } catch (thrown) {
      const { code, message: text } = asCutpointError(thrown, 'CUT_RUN');
      port.post({ message: { kind: 'failed', id: message.id, code, message: text }, payloads: [] });
    }
    freeAt = nowUs();
  }

  async function drain(): Promise<void> {
    draining = true;
    while (waiting.length > 0) {
      // An inference blocks the thread: what arrived meanwhile may cancel the next one.
      port.poll();
      const next = waiting.shift();
      if (next !== undefined) await run(next);
    }
    draining = false;
  }

  function cancel(id: number): void {
    const index = waiting.findIndex(({ message }) => message.id === id);
    if (index < 0) return;
    waiting.splice(index, 1);
    port.post({ message: { kind: 'dropped', id }, payloads: [] });
  }

  async function stop(): Promise<void> {
    waiting.length = 0;
    await work;
    const loaded = session;
    if (loaded !== undefined) await port.native(() => loaded.release());
    port.close();
  }

  port.onPacket(({ message, payloads }) => {
    switch (message.kind) {
      case 'load':
        work = load(message, payloads);
        break;
      case 'run':
        waiting.push({ message, payloads });
        if (!draining) work = drain();
        break;
      case 'cancel':
        cancel(message.id);
        break;
      case 'stop':
        void stop();
        break;
      case 'providers':
        port.post({ message: { kind: 'providers', providers: listOrtProviders() }, payloads: [] });
        break;
    }
  });
}
