// One rank of a model that no machine here could hold, with its real shard and the traffic of all other ranks played back at once: what it
// takes in memory, and what a token costs it.
//   npm run build && node packages/cli/bin/cutpoint.js llm synth --shape llama-2-70b --bits 4 --rank 3/8 --out SHARD
//   MALLOC_MMAP_THRESHOLD_=1000000 GLIBC_TUNABLES=glibc.malloc.hugetlb=1 node packages/cluster/bench/one-rank.mjs SHARD [--limit 1.6e9]
//     [--window 1.2e9] [--prompt 128] [--tokens 6]
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DataPort, openGroup } from '@cutpoint/cluster';
import { median } from '@cutpoint/core';
import { runLimited } from '@cutpoint/testbed';
import { encodeMessage } from '../dist/engine/cluster-message.js';
import { costLength } from '../dist/engine/rank-costs.js';
import { FollowThread } from '../dist/thread/follow-thread.js';

const host = '127.0.0.1';
const chunkTokens = 128;
const rules = [
  { mostBytes: 2 ** 16, topology: 'mesh', payload: 'f32' },
  { mostBytes: Number.POSITIVE_INFINITY, topology: 'ring', payload: 'f32' },
];
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    limit: { type: 'string', default: '1.6e9' },
    window: { type: 'string', default: '1.2e9' },
    prompt: { type: 'string', default: '128' },
    tokens: { type: 'string', default: '6' },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error('Give the folder of a shard.');
const manifest = JSON.parse(await readFile(join(folder, 'shard.json'), 'utf8'));
const { rank, ranks } = manifest.slice;
const { layers, hiddenSize } = manifest.config;

const say = (line) => process.stdout.write(`${line}\n`);

/** The rank itself, in a process under the limit. */
async function serve() {
  const [{ cluster, key }] = await once(process, 'message');
  const thread = await FollowThread.start({
    shard: { folder, manifest },
    chunkTokens,
    host,
    cluster,
    key,
    encrypts: false,
    spin: false,
    threads: 1,
    cache: 'f16',
    windowBytes: Number(values.window),
  });
  process.send({ port: thread.port });
  const [{ addresses }] = await once(process, 'message');
  await thread.join(addresses, rules);
  process.send({ ready: true });
  const error = await thread.ended;
  if (error !== undefined) throw error;
  process.disconnect();
}

/** What a rank sends and awaits in a pass; long ones go through the layers in two parts. */
async function play(group, tokens) {
  const parts = tokens < 64 ? [tokens] : [tokens >> 1, tokens - (tokens >> 1)];
  const sums = parts.map((count) => new Float32Array(count * hiddenSize).fill(0.01));
  let pending = sums.map(() => Promise.resolve());
  for (let half = 0; half < 2 * layers; half++) {
    const before = pending;
    pending = [];
    for (const [part, sum] of sums.entries()) {
      await before[part];
      pending.push(group.allReduce(sum.fill(0.01)));
    }
  }
  await Promise.all(pending);
}

/** What each other rank gives rank 0 behind a pass; of those played back nothing is wanted. */
function lengthsOfLogits() {
  const { from, to } = manifest.slice.vocabulary;
  return Array.from({ length: ranks - 1 }, (_, i) => (i + 1 === rank ? to - from + costLength : 0));
}

async function pass(groups, held, tokens) {
  const [zero, ...others] = groups;
  const from = performance.now();
  const hidden = Float32Array.from({ length: tokens * hiddenSize }, () => Math.random() - 0.5);
  zero.broadcast(encodeMessage({ kind: 'pass', sequence: 1, held, allRows: false, hidden }));
  for (const other of others) await other.nextBroadcast(2 ** 30);
  await Promise.all(groups.map((group) => play(group, tokens)));
  for (const other of others) other.contribute(new Float32Array(0));
  const collected = await zero.collect(lengthsOfLogits());
  const cost = collected[rank - 1].subarray(-costLength);
  return { ms: performance.now() - from, computeMs: cost[0] };
}

async function conduct() {
  const secret = { id: randomBytes(16), key: randomBytes(32) };
  const child = fork(new URL(import.meta.url), process.argv.slice(2), { env: { ...process.env, ONE_RANK: '1' } });
  const exit = once(child, 'exit');
  const limit = await runLimited(child.pid, Number(values.limit));
  try {
    await measure(child, limit, exit, secret);
  } finally {
    child.kill();
    await exit;
    await limit[Symbol.asyncDispose]();
  }
}

/** @param exit of the child. */
async function measure(child, limit, exit, secret) {
  const tell = (message) => child.send(message);
  const told = async () => (await Promise.race([once(child, 'message'), exit.then(died)]))[0];
  const died = ([code, signal]) => {
    throw new Error(`The rank ended with ${code ?? signal}.`);
  };
  tell({ cluster: secret.id.toString('hex'), key: secret.key.toString('hex') });
  const { port } = await told();
  const others = Array.from({ length: ranks }, (_, i) => i).filter((i) => i !== rank);
  const ports = new Map();
  for (const i of others) ports.set(i, await DataPort.open({ host, port: 0 }));
  const addresses = Array.from({ length: ranks }, (_, i) => (i === rank ? { host, port } : ports.get(i).address));
  const shared = { ranks, secret, encrypts: false, addresses, rules, wait: 'sleep', openWithinMs: 15_000 };
  const from = performance.now();
  tell({ addresses });
  const groups = await Promise.all(others.map((i) => openGroup(ports.get(i), { ...shared, rank: i })));
  const [zero, ...rest] = groups;
  for (const other of rest) other.contribute(new Float32Array(0));
  await Promise.all([zero.collect(Array(ranks - 1).fill(0)), told()]);
  say(`rank ${rank} of ${ranks} of ${manifest.name}: ready after ${((performance.now() - from) / 1000).toFixed(1)} s`);
  const report = async (name, { ms, computeMs }) =>
    say(
      `${name.padEnd(20)} ${(ms / 1000).toFixed(2)} s, computing ${(computeMs / 1000).toFixed(2)} s, peak ${((await limit.peakBytes()) / 1e6).toFixed(0)} MB of ${(Number(values.limit) / 1e6).toFixed(0)}`,
    );
  const prompt = Number(values.prompt);
  await report(`prompt of ${prompt}`, await Promise.race([pass(groups, 0, prompt), exit.then(died)]));
  const each = [];
  for (let i = 0; i < Number(values.tokens); i++) {
    each.push(await Promise.race([pass(groups, prompt + i, 1), exit.then(died)]));
    await report(`token ${i + 1}`, each.at(-1));
  }
  say(`median token ${(median(each.map(({ ms }) => ms)) / 1000).toFixed(2)} s`);
  zero.broadcast(encodeMessage({ kind: 'end' }));
  await exit;
  await Promise.all(groups.map((group) => group[Symbol.asyncDispose]()));
}

await (process.env.ONE_RANK === '1' ? serve() : conduct());
