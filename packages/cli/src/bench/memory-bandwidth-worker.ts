// Reads memory as fast as one thread can, and sends how fast that was in bytes/s.
import { parentPort } from 'node:worker_threads';

const [bytes, rounds] = [128 * 1024 ** 2, 5];
const [a, b] = [Buffer.alloc(bytes, 1), Buffer.alloc(bytes, 1)];
a.compare(b);
const from = performance.now();
for (let round = 0; round < rounds; round++) a.compare(b);
parentPort?.postMessage((2 * bytes * rounds * 1000) / (performance.now() - from));
