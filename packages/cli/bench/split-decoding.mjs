// What cutting a language model costs a token: the package in one process and cut in two, in turns, one thread each.
//   npm run build && node packages/cli/bench/split-decoding.mjs PACKAGE AT [--delay-ms 10] [--turns 5] [--tokens 32] [--codec raw]
import { parseArgs } from 'node:util';
import { Decoder, greedySampling, openSplitDecoder, readPackage } from '@cutpoint/llm';
import { openProxyLink } from '@cutpoint/testbed';
import { connect } from '@cutpoint/wire';
import { startDaemonProcess } from '../dist/run/daemon-process.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    'delay-ms': { type: 'string', default: '0' },
    turns: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '32' },
    codec: { type: 'string', default: 'raw' },
  },
});
const [folder, at] = positionals;
if (folder === undefined || at === undefined) throw new Error('Give a package and a cut.');
const delayMs = Number(values['delay-ms']);
const tokens = Number(values.tokens);
const { signal } = new AbortController();

const prompt = Array.from({ length: 16 }, (_, i) => 5 + i);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** Times of the tokens behind the first two, and what they cost. */
async function turn(decoder) {
  const sequence = decoder.sequence();
  const text = [...prompt];
  const taken = [];
  for (let i = 0; i < tokens + 2; i++) {
    const from = performance.now();
    const next = await decoder.next(sequence, { text, draft: [], sampling: greedySampling, ends: new Set() });
    if (i >= 2) taken.push({ ms: performance.now() - from, ...next.cost });
    text.push(...next.tokens);
  }
  decoder.drop(sequence);
  return Object.fromEntries(Object.keys(taken[0]).map((key) => [key, median(taken.map((each) => each[key]))]));
}

async function roundTripMs(url) {
  const peer = await connect({ url, connectTimeoutMs: 5_000, hello: { name: 'bench', capabilities: [] } });
  const times = [];
  for (let i = 0; i < 40; i++) times.push((await peer.ping()) / 1000);
  await peer.close();
  return median(times);
}

const listen = ['--threads', '1', '--listen', 'tcp://127.0.0.1:0', '--log-level', 'warn'];
const server = await startDaemonProcess({ verb: 'serve', args: [folder, ...listen], signal });
const way = { rateMbit: 10_000, delayMs, jitterMs: 0, lossPct: 0 };
const link = delayMs > 0 ? await openProxyLink({ target: server.url, parameters: { up: way, down: way } }) : undefined;
const url = link?.url ?? server.url;
const { manifest } = await readPackage(folder);
const whole = await Decoder.open(folder, manifest, { threads: 1 });
const cutThere = { at: Number(at), servers: [{ url }], threads: 1, codec: values.codec };
const split = await openSplitDecoder(folder, manifest, cutThere);

const wholes = [];
const splits = [];
const pings = [];
process.stdout.write('turn  whole ms  split ms  ratio  agent  codec   link  server  round trip\n');
for (let i = 0; i < Number(values.turns); i++) {
  const ofWhole = await turn(whole);
  const ofSplit = await turn(split);
  const pingMs = await roundTripMs(url);
  wholes.push(ofWhole.ms);
  splits.push(ofSplit);
  pings.push(pingMs);
  const { ms, agentMs, codecMs, linkMs, serverMs } = ofSplit;
  const cells = [ofWhole.ms, ms, ms / ofWhole.ms, agentMs, codecMs, linkMs, serverMs, pingMs];
  process.stdout.write(`${String(i + 1).padStart(4)}  ${cells.map((cell) => cell.toFixed(2).padStart(7)).join(' ')}\n`);
}
const [wholeMs, splitMs, pingMs] = [median(wholes), median(splits.map(({ ms }) => ms)), median(pings)];
const computeMs = median(splits.map(({ agentMs, serverMs }) => agentMs + serverMs));
process.stdout.write(
  `median: whole ${wholeMs.toFixed(2)} ms, cut ${splitMs.toFixed(2)} ms, ratio ${(splitMs / wholeMs).toFixed(3)}; ` +
    `${(splitMs - wholeMs - pingMs).toFixed(2)} ms more than whole and round trip, ` +
    `${(splitMs - computeMs - pingMs).toFixed(2)} ms more than its own compute and round trip\n`,
);
for (const resource of [split, whole, link, server]) await resource?.[Symbol.asyncDispose]();
