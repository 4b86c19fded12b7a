import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { nowMs } from './clock.js';

/**
 * The thread rings this much early, by how long it takes until it is heard; the rest is spent in turns of the event loop.
 * A machine with other work takes longer to wake a thread than an idle one.
 */
const leastEarlyMs = 0.1;
const mostEarlyMs = 0.6;
/** Weight of the newest ring in the mean. */
const newest = 0.1;

/**
 * Rings at a moment to within some hundredths of a millisecond, where Node's timers know whole milliseconds only.
 * A thread sleeps until shortly before it, so that waiting takes no processor time. The last `set` counts.
 */
export interface Alarm {
  set(dueMs: number): void;
  /** What to do then. */
  onDue(act: () => void): void;
  close(): Promise<void>;
}

/** Opens an alarm; resolves once its thread runs. */
export async function openAlarm(): Promise<Alarm> {
  const shared = new SharedArrayBuffer(16);
  const sequence = new Int32Array(shared, 0, 1);
  const moment = new Float64Array(shared, 8, 1).fill(Number.POSITIVE_INFINITY);
  const worker = new Worker(new URL('./alarm-thread.js', import.meta.url), { workerData: shared });
  let dueMs = Number.POSITIVE_INFINITY;
  let spinning = false;
  let earlyMs = leastEarlyMs;
  let ring = () => {};

  const check = (): void => {
    spinning = false;
    const leftMs = dueMs - nowMs();
    if (leftMs <= 0) {
      dueMs = Number.POSITIVE_INFINITY;
      ring();
    } else if (leftMs <= earlyMs) spin();
    else wake(dueMs);
  };
  const spin = (): void => {
    if (!spinning) setImmediate(check);
    spinning = true;
  };
  const wake = (atMs: number): void => {
    moment[0] = atMs - earlyMs;
    Atomics.add(sequence, 0, 1);
    Atomics.notify(sequence, 0);
  };
  // The thread's first message says that it runs.
  await once(worker, 'message');
  worker.on('message', (askedMs: number) => {
    const heardMs = nowMs() - askedMs;
    earlyMs += newest * (Math.min(mostEarlyMs, Math.max(leastEarlyMs, 1.5 * heardMs)) - earlyMs);
    check();
  });
  return {
    set(atMs) {
      if (atMs === dueMs) return;
      dueMs = atMs;
      if (atMs - nowMs() <= earlyMs) spin();
      else wake(atMs);
    },
    onDue(act) {
      ring = act;
    },
    async close() {
      await worker.terminate();
    },
  };
}
