import { parentPort, workerData } from 'node:worker_threads';
import { nowMs } from './clock.js';

/** The sleeping half of alarm.ts: rings once for each moment that it is given, unless another comes before. */
const sequence = new Int32Array(workerData, 0, 1);
const moment = new Float64Array(workerData, 8, 1);
const never = Number.POSITIVE_INFINITY;

parentPort?.postMessage(0);
for (;;) {
  const seen = Atomics.load(sequence, 0);
  const askedMs = moment[0] ?? never;
  const leftMs = askedMs - nowMs();
  if (leftMs > 0) Atomics.wait(sequence, 0, seen, leftMs);
  else {
    parentPort?.postMessage(askedMs);
    Atomics.wait(sequence, 0, seen);
  }
}
