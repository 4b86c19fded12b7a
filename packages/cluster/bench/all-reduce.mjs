// Times all-reduces between ranks on one core each (as far as there are cores), over loopback.
//   npm run build && node packages/cluster/bench/all-reduce.mjs [--ranks 2] [--waits spin,sleep] [--bytes 1024,8192,...]
// First one all-reduce behind the other; then, between them, each rank blocks its thread for about 2 ms from inside
// `setImmediate`, as a session does, and what counts is the time from when the last rank was ready to when the last one had the sum.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { median } from '@cutpoint/core';

const { values: options } = parseArgs({
  options: {
    ranks: { type: 'string', default: '2' },
    topologies: { type: 'string', default: 'star,mesh,ring,tree' },
    payloads: { type: 'string', default: 'f32' },
    waits: { type: 'string', default: 'spin,sleep' },
    bytes: { type: 'string', default: '1024,8192,65536,1048576,4194304' },
  },
});
const ranks = Number(options.ranks);
const list = (text) => text.split(',');
const cores = availableParallelism();
const pins = spawnSync('taskset', ['--version']).status === 0;

print('wait   topology payload     bytes   median ms   beyond the slower rank, ms    MB/s');
for (const wait of list(options.waits)) {
  for (const topology of list(options.topologies)) {
    for (const payload of list(options.payloads)) await measure({ wait, topology, payload });
  }
}

/** Prints medians. */
async function measure({ wait, topology, payload }) {
  const secret = { id: randomBytes(16).toString('hex'), key: randomBytes(32).toString('hex') };
  const children = Array.from({ length: ranks }, (_, rank) => startRank(rank));
  const ports = await Promise.all(children.map((child) => next(child)));
  const sizes = list(options.bytes).map(Number);
  for (const [rank, child] of children.entries()) {
    child.send({ rank, ranks, secret, wait, topology, payload, ports, sizes });
  }
  const told = await Promise.all(children.map((child) => next(child)));
  for (const child of children) child.kill();
  for (const [i, bytes] of sizes.entries()) {
    const bare = median(told.map((each) => each[i].bareMs));
    const rounds = told[0][i].rounds.map((_, round) => told.map((each) => each[i].rounds[round]));
    const beyond = rounds.map(
      (spans) => Math.max(...spans.map(({ to }) => to)) - Math.max(...spans.map(({ from }) => from)),
    );
    const rate = Math.round(bytes / 1e3 / bare);
    const name = `${wait.padEnd(6)} ${topology.padEnd(8)} ${payload.padEnd(7)} ${String(bytes).padStart(9)}`;
    const times = `${bare.toFixed(3).padStart(11)} ${median(beyond).toFixed(3).padStart(28)}`;
    print(`${name} ${times} ${String(rate).padStart(7)}`);
  }
}

function startRank(rank) {
  const script = new URL('all-reduce-rank.mjs', import.meta.url).pathname;
  const node = [process.execPath, script];
  const [command, ...rest] = pins ? ['taskset', '-c', String(rank % cores), ...node] : node;
  return spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

function next(child) {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`A rank ended with ${code}.`)));
  });
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
