import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import {
  ContentStore,
  type DesiredState,
  deviceId,
  Fleet,
  fleetId,
  generation,
  newSession,
  openBroker,
  openConnection,
  openFleetServer,
  verifyDeployment,
  willOf,
} from '@cutpoint/control';
import type { CutpointError } from '@cutpoint/core';
import { OpenResources } from '@cutpoint/daemon';
import { joinFleet } from '@cutpoint/fleet';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';

const fleet = fleetId.parse('home');
const server = deviceId.parse('server');
const pi = deviceId.parse('pi');
const soon = { timeout: 20_000 };
/** What somebody may say who has signed nothing. */
const forged: DesiredState = { generation: generation.parse(9_007_199_254_740_000), assignments: [] };

let opened: OpenResources;
let folder: string;
let at: Awaited<ReturnType<typeof openParts>>;
beforeEach(async () => {
  opened = new OpenResources();
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-forged-'));
  opened.add({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) });
  at = await openParts();
});
afterEach(() => opened.close());

/** A fleet's authority, a broker that lets everybody say everything, and what a server sees over it. */
async function openParts() {
  const authority = await openFleetServer({
    folder: join(folder, 'server'),
    fleet,
    device: server,
    hosts: ['localhost'],
  });
  opened.add({ [Symbol.asyncDispose]: async () => authority[Symbol.dispose]() });
  const { identities } = authority;
  const verify = (desired: DesiredState, device: typeof pi) =>
    verifyDeployment(desired, { fleet, device, authority: identities.authority });
  const onRefused = () => {};
  const broker = opened.add(await openBroker({ fleet, listen: { host: '127.0.0.1', port: 0 }, onRefused }));
  const problems: CutpointError[] = [];
  const onProblem = (error: CutpointError) => problems.push(error);
  const address = { url: broker.url, device: server, password: broker.serverPassword };
  const connection = opened.add(openConnection({ ...address, onProblem }));
  await connection.untilUp(AbortSignal.timeout(20_000));
  const view = opened.add(new Fleet(connection, { fleet, onProblem, verify }));
  return {
    url: broker.url,
    view,
    verify,
    /** What the server logged. */
    codes: () => problems.map(({ code }) => code),
    /** Has the broker say and keep this. */
    say: (channel: 'desired' | 'state', message: unknown) =>
      connection.publish(`cutpoint/1/${fleet}/devices/${pi}/${channel}`, message, { acknowledged: true, retain: true }),
    async deployNothing() {
      const desired = { generation: view.nextGeneration(), assignments: [] };
      await view.setDesired(pi, { ...desired, signature: await identities.signDeployment(pi, desired) });
      return desired.generation;
    },
  };
}

const remembered = () => join(folder, 'pi', 'acting.json');

/** A device that believes the authority alone. */
async function openDevice() {
  const own = new OpenResources();
  opened.add({ [Symbol.asyncDispose]: () => own.close() });
  const session = newSession();
  const logged: Record<string, unknown>[] = [];
  const lines = new Writable({
    write(line, _encoding, done) {
      logged.push(JSON.parse(String(line)));
      done();
    },
  });
  const onProblem = () => {};
  const connection = own.add(openConnection({ url: at.url, device: pi, will: willOf(fleet, pi, session), onProblem }));
  const device = await joinFleet(own, {
    connection,
    fleet,
    device: pi,
    session,
    role: 'agent',
    store: await ContentStore.open({ folder: join(folder, 'pi', 'content'), maxBytes: 1e9 }),
    folder: join(folder, 'pi', 'deployed'),
    remembered: remembered(),
    segmentOptions: {},
    maxInFlight: 1,
    timeoutMs: 5_000,
    connectTimeoutMs: 2_000,
    maxBackoffMs: 500,
    verify: async (desired) => at.verify(desired, pi),
    onCommand: async () => [],
    log: pino(lines),
  });
  return { ...device, codes: () => logged.flatMap(({ code }) => (code === undefined ? [] : [code])), logged };
}

const reported = () => at.view.device(pi)?.reported;

test('what a broker says that nobody signed is refused and logged, and what was signed goes on', async () => {
  const device = await openDevice();
  const first = await at.deployNothing();
  await expect.poll(() => reported()?.active, soon).toBe(first);
  await at.say('desired', forged);
  await expect.poll(device.codes, soon).toEqual(['CUT_SIGNATURE']);
  await expect.poll(at.codes, soon).toEqual(['CUT_SIGNATURE']);
  expect([device.deployments.report.wanted, device.member.wanted]).toEqual([first, first]);
  const second = await at.deployNothing();
  expect(second).toBe(first + 1);
  await expect.poll(() => reported()?.active, soon).toBe(second);
});

test.each([
  ['unsigned', JSON.stringify(forged), 'CUT_SIGNATURE'],
  ['damaged', '{"generation":', 'CUT_STORE'],
])('a note of what was acted on that is %s is dropped with a warning, and the server asked', async (_, note, code) => {
  await mkdir(join(folder, 'pi'));
  await writeFile(remembered(), note);
  const device = await openDevice();
  expect(device.logged).toMatchObject([
    { level: 40, code, msg: expect.stringContaining(`${remembered()} is dropped`) },
  ]);
  expect(existsSync(remembered())).toBe(false);
  expect(device.deployments.report).toEqual({ assignments: [] });
  const given = await at.deployNothing();
  await expect.poll(() => reported()?.active, soon).toBe(given);
  await expect.poll(() => existsSync(remembered()), soon).toBe(true);
});

test.each(['wanted', 'active'] as const)(
  'a device that reports a generation far ahead as %s stops no deployment',
  async (what) => {
    await openDevice();
    await at.say('state', { session: newSession(), assignments: [], [what]: forged.generation });
    await expect.poll(at.codes, soon).toEqual(['CUT_INPUT']);
    const given = await at.deployNothing();
    expect(given).toBe(1);
    await expect.poll(() => reported()?.active, soon).toBe(given);
  },
);
