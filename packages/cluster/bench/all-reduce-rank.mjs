// One rank of all-reduce.mjs: the group lives in a worker thread, as that of a cluster does.
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { DataPort, openGroup } from '@cutpoint/cluster';
import { median } from '@cutpoint/core';

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  worker.on('message', (message) => process.send(message));
  process.on('disconnect', () => process.exit());
  process.on('message', (message) => worker.postMessage(message));
} else {
  const host = '127.0.0.1';
  const port = await DataPort.open({ host, port: 0 });
  parentPort.once('message', async (settings) => {
    const { rank, ranks, secret, wait, topology, payload, ports, sizes } = settings;
    const group = await openGroup(port, {
      rank,
      ranks,
      wait,
      secret: { id: Buffer.from(secret.id, 'hex'), key: Buffer.from(secret.key, 'hex') },
      addresses: ports.map((each) => ({ host, port: each })),
      rules: [{ mostBytes: Number.POSITIVE_INFINITY, topology, payload }],
      openWithinMs: 5_000,
    });
    const told = [];
    for (const bytes of sizes) {
      told.push({ bareMs: await timeBare(group, bytes), rounds: await afterWork(group, bytes) });
    }
    parentPort.postMessage(told);
  });
  parentPort.postMessage(port.address.port);
}

/** Milliseconds of one all-reduce, when nothing else is done. */
async function timeBare(group, bytes) {
  const values = new Float32Array(bytes / 4).fill(1e-3);
  const times = [];
  const until = performance.now() + 250;
  for (let i = 0; await goOn(group, i, until); i++) {
    values.fill(1e-3);
    const from = performance.now();
    await group.allReduce(values);
    times.push(performance.now() - from);
  }
  return median(times);
}

/** When each all-reduce began and ended, on the clock that processes of one machine share. */
async function afterWork(group, bytes) {
  const values = new Float32Array(bytes / 4).fill(1e-3);
  const rounds = [];
  for (let i = 0; i < 40; i++) {
    await work(1.8 + 0.4 * Math.random());
    const from = sharedClockMs();
    await group.allReduce(values);
    rounds.push({ from, to: sharedClockMs() });
    values.fill(1e-3);
  }
  return rounds;
}

/** The monotonic clock of the machine; each thread's `performance` has an origin of its own. */
function sharedClockMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}

function work(ms) {
  return new Promise((resolve) => {
    setImmediate(() => {
      const until = performance.now() + ms;
      while (performance.now() < until);
      resolve();
    });
  });
}

/** Rank 0 decides for all. */
async function goOn(group, i, until) {
  if (i % 20 !== 0) return true;
  if (group.rank > 0) return (await group.nextBroadcast(1))[0] === 1;
  const more = performance.now() < until;
  group.broadcast(Uint8Array.of(more ? 1 : 0));
  return more;
}
