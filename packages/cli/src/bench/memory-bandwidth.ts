import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What so many threads together read from memory, in bytes/s: each compares two equal arrays of 128 MiB. */
export async function memoryBandwidth(threads: number): Promise<number> {
  const script = new URL('./memory-bandwidth-worker.js', import.meta.url);
  const workers = Array.from({ length: threads }, () => new Worker(script));
  const rates = await Promise.all(workers.map(async (worker) => Number((await once(worker, 'message'))[0])));
  return rates.reduce((sum, rate) => sum + rate, 0);
}
