import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openProxyLink } from '@cutpoint/testbed';
import { connect } from '@cutpoint/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classifier, classifierInput } from '../models.testing.js';
import { cutpoint, type Process } from '../processes.testing.js';
import { CutRelay } from './cut-relay.testing.js';
import { Load, type LoadReport, questionsFor } from './load.testing.js';

const load = { perSecond: 20, deadlineMs: 8_000 };
/** Processes start while the load goes on. */
const startMs = 90_000;
const alone = 'this device alone';
const exact = ['--optimisation', 'none', '--json'];
/** After a fault, and after its end, service must be as it can be within this. */
const backMs = 3_000;

function serve(model: string, listen = 'ws://127.0.0.1:0'): Process {
  return cutpoint(['serve', model, '--listen', listen, ...exact]);
}

function agentOf(...args: readonly string[]): Process {
  return cutpoint(['agent', classifier, '--at', '100', '--listen', 'ws://127.0.0.1:0', ...exact, ...args]);
}

const reports: Record<string, LoadReport & Readonly<Record<string, unknown>>> = {};
let questions: Awaited<ReturnType<typeof questionsFor>>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-failover-'));
  questions = await questionsFor(classifier, 4);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await mkdir('.report', { recursive: true });
  await writeFile('.report/failover.json', `${JSON.stringify(reports, null, 2)}\n`);
  for (const [fault, report] of Object.entries(reports)) process.stdout.write(`${fault}: ${JSON.stringify(report)}\n`);
});

/** None lost, none wrong, none computed twice, and no gap longer than service may be away. */
function expectWhole(fault: string, report: LoadReport, more: Readonly<Record<string, unknown>> = {}): void {
  reports[fault] = { ...report, ...more };
  expect(report).toMatchObject({ lost: {}, wrong: 0, duplicated: 0 });
  expect(report.answered).toBe(report.sent);
  expect(report.longestGapMs).toBeLessThan(backMs);
}

describe('an agent with two servers and the whole model', () => {
  let first: Process;
  let second: Process;
  let relay: CutRelay;
  let agent: Process;
  let url: string;
  beforeAll(async () => {
    first = serve(classifier);
    second = serve(classifier);
    relay = await CutRelay.open(await first.url(startMs));
    agent = agentOf('--server', `${relay.url},${await second.url(startMs)}`, '--local-fallback');
    url = await agent.url(startMs);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await relay[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
  });

  it('treats a server that stands still as one that is gone, and comes back to it', async () => {
    await using requests = await Load.start(url, questions, load);
    await requests.until(relay.url);
    first.kill('SIGSTOP');
    const leftMs = await requests.until(await second.url(startMs));
    await sleep(3_000);
    first.kill('SIGCONT');
    const backAfterMs = await requests.until(relay.url);
    expectWhole('server stopped for 3 s', await requests.stop(url), { leftMs, backAfterMs });
    expect(leftMs).toBeLessThan(backMs);
    expect(backAfterMs).toBeLessThan(backMs);
  });

  it('leaves a link that is cut, and comes back to it when it is healed', async () => {
    await using requests = await Load.start(url, questions, load);
    await requests.until(relay.url);
    relay.cut();
    const leftMs = await requests.until(await second.url(startMs));
    await sleep(5_000);
    relay.heal();
    const backAfterMs = await requests.until(relay.url);
    expectWhole('link cut for 5 s', await requests.stop(url), { leftMs, backAfterMs });
    expect(backAfterMs).toBeLessThan(backMs);
  });

  it('goes on with the second server when the first is killed, and refuses one with another model', async () => {
    await using requests = await Load.start(url, questions, load);
    await requests.until(relay.url);
    first.kill('SIGKILL');
    const leftMs = await requests.until(await second.url(startMs));
    const address = await first.url(startMs);
    await first.exit();
    first = serve(await otherModel(), address);
    await first.url(startMs);
    await sleep(2_500);
    expect(requests.lastWay).toContain(await second.url(startMs));
    expectWhole('server killed, another model in its place', await requests.stop(url), { leftMs });
    expect(await linksOf(url)).toMatchObject([{ connected: false }, { connected: true, use: 'used' }]);
  });

  it('answers alone when the last server is killed', async () => {
    await using requests = await Load.start(url, questions, load);
    await requests.until(await second.url(startMs));
    second.kill('SIGKILL');
    const leftMs = await requests.until(alone);
    await sleep(1_000);
    expectWhole('last server killed', await requests.stop(url), { leftMs });
    expect(agent.log().some(({ msg, by }) => msg === 'fallback' && by === alone)).toBe(true);
    await using asking = await connect({ url, connectTimeoutMs: 5_000 });
    const { meta } = await asking.request({ method: 'infer', tensors: classifierInput() }, { deadlineMs: 8_000 });
    expect(meta.route).toMatchObject({ by: alone, fallback: true });
    expect(await askedFor(url)).toMatch(/answered by +this device alone \(fallback\)/);
  });
});

it('an agent leaves a link that comes down to 1 % of its rate', async () => {
  await using server = serve(classifier);
  const direction = (rateMbit: number) => ({ rateMbit, delayMs: 1, jitterMs: 0, lossPct: 0 });
  const rate = (mbit: number) => ({ up: direction(mbit), down: direction(mbit) });
  await using link = await openProxyLink({ target: await server.url(startMs), parameters: rate(100) });
  await using agent = agentOf('--server', link.url, '--local-fallback');
  const url = await agent.url(startMs);
  await using requests = await Load.start(url, questions, load);
  await requests.until(link.url);
  await link.set(rate(1));
  const leftMs = await requests.until(alone);
  await sleep(2_000);
  await link.set(rate(100));
  const backAfterMs = await requests.until(link.url);
  expectWhole('link at 1 % of its rate', await requests.stop(url), { leftMs, backAfterMs });
});

it('an agent starts with a server that takes connections and never answers, and uses the other', async () => {
  const mute = createServer((socket) => socket.on('error', () => socket.destroy()));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  await using _ = { [Symbol.asyncDispose]: async () => void mute.close() };
  const address = mute.address();
  await using server = serve(classifier);
  const servers = `ws://127.0.0.1:${typeof address === 'object' ? address?.port : ''},${await server.url(startMs)}`;
  await using agent = agentOf('--server', servers);
  await using peer = await connect({ url: await agent.url(startMs), connectTimeoutMs: 5_000 });
  const ask = (id: string) =>
    peer.request({ method: 'infer', meta: { id }, tensors: classifierInput() }, { deadlineMs: 8_000 });
  const { meta, tensors } = await ask('a');
  expect(meta.route).toMatchObject({ by: expect.stringContaining(await server.url(startMs)), fallback: true });
  // Asked again it is the same answer, with the times of the first.
  const again = await ask('a');
  expect(again.meta).toEqual(meta);
  expect(again.tensors).toEqual(tensors);
  expect((await ask('b')).meta).not.toEqual(meta);
});

/** The classifier with a comment at its end (ModelProto.doc_string): another file, so another model. */
async function otherModel(): Promise<string> {
  const path = join(folder, 'other.onnx');
  await writeFile(path, Buffer.concat([await readFile(classifier), Buffer.from([0x32, 1, 0x78])]));
  return path;
}

/** What `cutpoint ask` prints for people. */
async function askedFor(url: string): Promise<string> {
  const { data = new Uint8Array() } = classifierInput().get('x') ?? {};
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 48, 192), }".padEnd(117);
  const magic = Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1');
  await writeFile(join(folder, 'x.npy'), Buffer.concat([magic, Buffer.from(`${header}\n`), data]));
  await using asking = cutpoint(['ask', url, '--input', join(folder, 'x.npy')]);
  expect(await asking.exit(startMs)).toBe(0);
  return asking.stdout;
}

async function linksOf(url: string): Promise<unknown> {
  const page = await fetch(`${url.replace(/^ws/, 'http')}/readyz`, { signal: AbortSignal.timeout(10_000) });
  return ((await page.json()) as { links: unknown }).links;
}
