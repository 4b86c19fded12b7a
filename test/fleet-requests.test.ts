import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Assignment,
  type BrokerConnection,
  ContentStore,
  contentHandler,
  contentHash,
  type DeviceId,
  deploymentId,
  deviceId,
  Fleet,
  fleetId,
  generation,
  newSession,
  openBroker,
  openConnection,
  PeerBook,
  type Rung,
  willOf,
} from '@cutpoint/control';
import { CancelSource } from '@cutpoint/core';
import { OpenResources, openLog, readSplitAnswer } from '@cutpoint/daemon';
import { type FleetDevice, joinFleet } from '@cutpoint/fleet';
import { assignmentsOf, FleetModels, packageModel, splitsOf } from '@cutpoint/server';
import { connect, type Listener, listen } from '@cutpoint/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeTinyModel, type TinyModel } from './tiny-model.testing.js';

const fleet = fleetId.parse('test');
const pi = deviceId.parse('pi');
const box = deviceId.parse('box');
const gpu = deviceId.parse('gpu');
const server = deviceId.parse('server');
const deployment = deploymentId.parse('classifier');
const soon = { timeout: 60_000 };
const log = openLog({ name: 'test', level: 'silent', format: 'json' });
const alone: Rung = { at: [], codecs: [], chain: [] };
const overBox: Rung = { at: [2], codecs: ['raw'], chain: [box] };

let opened: OpenResources;
let folder: string;
let tiny: TinyModel;
let lead: Awaited<ReturnType<typeof openLead>>;
beforeEach(async () => {
  opened = new OpenResources();
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-fleet-requests-'));
  opened.add({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) });
  tiny = opened.add(await makeTinyModel());
  lead = await openLead();
});
afterEach(() => opened.close());

/** What a server has of a fleet, without being a device of it. */
async function openLead() {
  const content = await ContentStore.open({ folder: join(folder, 'content'), maxBytes: 1e9 });
  const http = createServer(contentHandler({ store: content })).listen(0, '127.0.0.1');
  await once(http, 'listening');
  opened.add({
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections();
      http.close();
    },
  });
  const urls = [`http://127.0.0.1:${(http.address() as AddressInfo).port}`];
  const onProblem = () => {};
  const broker = opened.add(await openBroker({ fleet, listen: { host: '127.0.0.1', port: 0 }, onRefused: onProblem }));
  const own = new OpenResources();
  opened.add({ [Symbol.asyncDispose]: () => own.close() });
  const address = { url: broker.url, device: server, password: broker.serverPassword };
  const connection = own.add(openConnection({ ...address, onProblem }));
  await connection.untilUp(AbortSignal.timeout(20_000));
  const view = own.add(new Fleet(connection, { fleet, onProblem, leaseMs: 2_000 }));
  let active: ReadonlyMap<DeviceId, Assignment> = new Map();
  const assignments = () => [...active].map(([device, assignment]) => [device, [assignment]] as const);
  const peers = new PeerBook(connection, { fleet, view, assignments, content: () => urls, onProblem });
  own.add({ [Symbol.asyncDispose]: async () => peers[Symbol.dispose]() });
  return {
    broker,
    brokerUrl: broker.url,
    view,
    /** Has devices run the model by these ladders, and waits until they do. */
    async deploy(
      number: number,
      ladders: readonly { device: DeviceId; ladder: readonly Rung[] }[],
      model = tiny.model,
    ): Promise<void> {
      const packaged = await packageModel(model, { store: content, splits: splitsOf(ladders) });
      active = assignmentsOf(packaged, { deployment, model: 'tiny', ladders });
      for (const [device, assignment] of active)
        await view.setDesired(device, { generation: generation.parse(number), assignments: [assignment] });
      peers.changed();
      const acting = () => [...active.keys()].map((device) => view.device(device)?.reported?.active);
      await expect.poll(acting, soon).toEqual([...active.keys()].map(() => number));
    },
    /** As a crash does. */
    vanish: () => own.close(),
  };
}

interface Device extends FleetDevice {
  readonly connection: BrokerConnection;
  readonly listener: Listener;
  /** Ends its daemon. */
  stop(): Promise<void>;
}

async function openDevice(device: DeviceId, { reachable = true } = {}): Promise<Device> {
  const own = new OpenResources();
  opened.add({ [Symbol.asyncDispose]: () => own.close() });
  const session = newSession();
  const will = willOf(fleet, device, session);
  const connection = own.add(openConnection({ url: lead.brokerUrl, device, will, onProblem: () => {} }));
  const joined = await joinFleet(own, {
    connection,
    fleet,
    device,
    session,
    role: 'agent',
    store: await ContentStore.open({ folder: join(folder, device, 'content'), maxBytes: 1e9 }),
    folder: join(folder, device, 'deployed'),
    remembered: join(folder, device, 'acting.json'),
    segmentOptions: { optimisation: 'none' },
    maxInFlight: 32,
    timeoutMs: 5_000,
    connectTimeoutMs: 2_000,
    maxBackoffMs: 500,
    onCommand: async () => [],
    log,
  });
  const listener = await listen({ url: 'ws://127.0.0.1:0', handler: joined.handler });
  own.add({ [Symbol.asyncDispose]: () => listener.close() });
  if (reachable) joined.announce(listener.url);
  return { ...joined, connection, listener, stop: () => own.close() };
}

async function ask({ listener }: Device, meta: Record<string, unknown> = {}) {
  await using peer = await connect({ url: listener.url, connectTimeoutMs: 2_000 });
  const reply = await peer.request({ method: 'infer', meta, tensors: tiny.inputs }, { deadlineMs: 5_000 });
  const answer = readSplitAnswer(reply.meta, reply.tensors);
  if (answer === undefined) throw new Error('The device does not answer as one should.');
  return { ...answer, leased: reply.meta.leased, generation: reply.meta.generation };
}

test('a request that begins at one device goes on at the next, which is asked directly', async () => {
  const devices = [await openDevice(pi), await openDevice(box)] as const;
  await lead.deploy(1, [{ device: pi, ladder: [overBox, alone] }]);
  const answer = await ask(devices[0], { model: 'classifier' });
  expect(answer.outputs).toEqual(tiny.expected);
  expect(answer.route).toMatchObject({ fallback: false, devices: ['box'], via: devices[1].listener.url });
  expect(answer).toMatchObject({ leased: true, generation: 1 });
  expect(answer.timing.stages).toHaveLength(2);
});

test('three devices work on one request, each knowing only the next', async () => {
  const devices = [await openDevice(pi), await openDevice(box), await openDevice(gpu)] as const;
  await lead.deploy(1, [{ device: pi, ladder: [{ at: [1, 2], codecs: ['raw', 'raw'], chain: [box, gpu] }] }]);
  const answer = await ask(devices[0]);
  expect(answer.outputs).toEqual(tiny.expected);
  expect(answer.timing.stages).toHaveLength(3);
  expect(devices.map(({ service }) => service.counts.done)).toEqual([1, 1, 1]);
});

test('where no direct path exists, what crosses goes through the broker, and the answer says so', async () => {
  const first = await openDevice(pi);
  await openDevice(box, { reachable: false });
  await lead.deploy(1, [{ device: pi, ladder: [overBox] }]);
  const answer = await ask(first);
  expect(answer.outputs).toEqual(tiny.expected);
  expect(answer.route).toMatchObject({ via: 'mqtt:box' });
});

test('a device whose next is gone answers alone, and says that it is not as planned', async () => {
  const [first, second] = [await openDevice(pi), await openDevice(box)];
  await lead.deploy(1, [{ device: pi, ladder: [overBox, alone] }]);
  await ask(first);
  await second.stop();
  const answer = await ask(first);
  expect(answer.outputs).toEqual(tiny.expected);
  expect(answer.route).toMatchObject({ by: 'this device alone', fallback: true });
});

test('one that is asked under an older generation refuses it, once the change is over', async () => {
  const [first, second] = [await openDevice(pi), await openDevice(box)];
  await lead.deploy(1, [{ device: pi, ladder: [overBox] }]);
  await lead.deploy(2, [{ device: pi, ladder: [{ ...overBox, at: [1] }] }]);
  const old = { deployment, generation: 1, at: [2], codecs: ['raw'], segment: 1, chain: [] };
  await expect
    .poll(() => ask(second, old).catch(({ code }: { code: string }) => code), { timeout: 60_000 })
    .toBe('CUT_STALE');
  expect((await ask(first)).generation).toBe(2);
});

test('a request that is repeated is computed once', async () => {
  const [first, second] = [await openDevice(pi), await openDevice(box)];
  await lead.deploy(1, [{ device: pi, ladder: [overBox] }]);
  const answers = await Promise.all([ask(first, { id: 'a' }), ask(first, { id: 'a' })]);
  for (const { outputs } of answers) expect(outputs).toEqual(tiny.expected);
  expect((await ask(first, { id: 'a' })).outputs).toEqual(tiny.expected);
  expect(second.service.counts.done).toBe(1);
});

test('a request that is repeated after the model was replaced is answered by the new one', async () => {
  const [first] = [await openDevice(pi), await openDevice(box)];
  await lead.deploy(1, [{ device: pi, ladder: [overBox] }]);
  expect((await ask(first, { id: 'a' })).outputs).toEqual(tiny.expected);
  await using other = await makeTinyModel(3);
  await lead.deploy(2, [{ device: pi, ladder: [overBox] }], other.model);
  expect((await ask(first, { id: 'a' })).outputs).not.toEqual(tiny.expected);
});

test('a device that starts while its server is away goes on with what was deployed last, and says so', async () => {
  const first = await openDevice(pi);
  await lead.deploy(3, [{ device: pi, ladder: [alone] }]);
  expect(await ask(first)).toMatchObject({ leased: true, generation: 3 });
  await first.stop();
  await lead.vanish();
  await lead.broker[Symbol.asyncDispose]();
  const again = await openDevice(pi);
  await expect.poll(() => again.deployments.acting, soon).toBe(3);
  const answer = await ask(again);
  expect(answer.outputs).toEqual(tiny.expected);
  expect(answer).toMatchObject({ leased: false, generation: 3 });
});

test('what is not deployed, or does not begin here, is refused with what there is', async () => {
  const [first, second] = [await openDevice(pi), await openDevice(box)];
  await expect(ask(first)).rejects.toMatchObject({ code: 'CUT_NOT_FOUND' });
  await lead.deploy(1, [{ device: pi, ladder: [overBox] }]);
  await expect(ask(first, { model: 'other' })).rejects.toThrow(/classifier/);
  await expect(ask(second, { model: 'classifier' })).rejects.toMatchObject({ code: 'CUT_NOT_FOUND' });
  await expect(ask(first, { at: [2] })).rejects.toMatchObject({ code: 'CUT_INPUT' });
  const nameless = { deployment, generation: 1, at: [2], codecs: ['raw'], segment: 1, chain: ['../x'] };
  await expect(ask(second, nameless)).rejects.toMatchObject({ code: 'CUT_INPUT' });
  await expect(ask(second, { ...nameless, chain: ['stranger'] })).rejects.toMatchObject({ code: 'CUT_UNREACHABLE' });
  expect(second.links.report().map(({ to }) => to)).not.toContain('stranger');
});

test('an answer says which version computed it, and is given to nobody who asked for another', async () => {
  const [first, second] = [await openDevice(pi), await openDevice(box)];
  const ladders = [{ device: pi, ladder: [overBox, alone] }];
  await lead.deploy(1, ladders);
  const newer = opened.add(await makeTinyModel(3));
  const modelOf = ({ hash }: { readonly hash: string }) => ({ hash, version: hash.slice(0, 16) });
  const [before, after] = [modelOf(tiny.model.file), modelOf(newer.model.file)];
  const [assignment] = first.service.models;
  if (assignment === undefined) throw new Error('nothing is deployed');
  // What the server knows of a switch, which may be sooner or later than what the device does.
  let known = before.hash;
  const active = () => {
    const model = { ...assignment.model, hash: contentHash.parse(known) };
    return new Map([[pi, [{ ...assignment, model }]]]);
  };
  const { service, links } = second;
  const models = new FleetModels({ device: box, isThere: () => true, service, links, active });
  let asked = 0;
  const infer = async (version: string | undefined, deadlineMs = 20_000) => {
    const about = { id: `request ${asked++}`, outputs: undefined, signal: new CancelSource() };
    const answer = await models.infer('classifier', new Map(newer.inputs), { deadlineMs, version, ...about });
    return { version: answer.version, outputs: answer.outputs };
  };
  const byNewer = { version: after.version, outputs: newer.expected };

  expect(await infer(before.version)).toMatchObject({ version: before.version });
  known = after.hash;
  expect(await infer(undefined)).toMatchObject({ version: before.version });
  await expect(infer(after.version, 1_000)).rejects.toMatchObject({
    code: 'CUT_STALE',
    message: expect.stringMatching(/^pi answers for "classifier" by version .* a switch is under way/),
  });
  const waiting = infer(after.version);
  await lead.deploy(2, ladders, newer.model);
  expect(await waiting).toEqual(byNewer);
  known = before.hash;
  expect(await infer(undefined)).toEqual(byNewer);
  const late = infer(before.version);
  setTimeout(() => {
    known = after.hash;
  }, 200);
  await expect(late).rejects.toMatchObject({ code: 'CUT_NOT_FOUND', message: expect.stringContaining(after.version) });
});
