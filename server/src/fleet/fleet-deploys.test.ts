import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ContentStore,
  contentHash,
  type DesiredState,
  type DeviceId,
  deploymentId,
  deviceId,
  generation,
  openStore,
} from '@cutpoint/control';
import { attribute, buildModel, node, serialiseModel, subgraph, tensorValue, weight } from '@cutpoint/graph';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Deployer } from '../deploy/deployer.js';
import { Uploads } from '../deploy/uploads.js';
import type { DeploymentRequest } from '../http/deployment-request.js';
import type { FleetAdmin } from '../http/fleet-admin.js';
import { fleetDeploys } from './fleet-deploys.js';

const [self, pi, other, lost] = ['server', 'pi-1', 'pi-9', 'pi-3'].map((name) => deviceId.parse(name)) as [
  DeviceId,
  DeviceId,
  DeviceId,
  DeviceId,
];
const phone = deviceId.parse('phone');
const name = deploymentId.parse('net');
const bytes = serialiseModel(
  buildModel({
    inputs: [tensorValue('x', 'f32', [1, 4])],
    outputs: [tensorValue('y', 'f32', [1, 4])],
    nodes: [node('Relu', ['x'], ['a']), node('Tanh', ['a'], ['y'])],
  }),
);
const hashOf = (model: Uint8Array) => contentHash.parse(createHash('sha256').update(model).digest('hex'));

let folder: string;
let closing: (() => unknown)[];
let fleet: Pick<FleetAdmin, 'deploy' | 'undeploy' | 'rollback'>;
/** Has little time to cut. */
let hasty: typeof fleet;
let uploads: Uploads;
let desired: Map<DeviceId, DesiredState>;
let audited: () => string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-deploys-'));
  process.env.CUTPOINT_CACHE_DIR = join(folder, 'cache');
  const content = await ContentStore.open({ folder: join(folder, 'content'), maxBytes: 1e8 });
  const store = openStore(join(folder, 'store'));
  desired = new Map();
  const setDesired = async (device: DeviceId, what: DesiredState) => void desired.set(device, what);
  const watch = () => ({ [Symbol.dispose]: () => undefined });
  const view = {
    devices: () => [],
    watch,
    setDesired,
    nextGeneration: () => generation.parse(1),
    desired: () => undefined,
    grantAnew: () => {},
  };
  const options = {
    fleet: view,
    records: store.deployments,
    content,
    sign: async () => undefined,
    isRevoked: () => false,
    onProblem: () => undefined,
  };
  const deployer = new Deployer(options);
  const facts = (device: DeviceId) => (device === phone ? { browser: { name: 'Test 1' } } : {});
  const known = {
    devices: () => [self, pi, lost, phone].map((device) => ({ device, facts: facts(device) })) as never,
  };
  uploads = new Uploads({ content });
  const log = pino({ level: 'silent' });
  const scratch = join(folder, 'scratch');
  const isRevoked = (device: DeviceId) => device === lost;
  const { signal: stop } = new AbortController();
  const parts = { fleet: known, self, isRevoked, deployer, content, audit: store.audit, scratch, stop, log };
  fleet = fleetDeploys(parts);
  hasty = fleetDeploys({ ...parts, cutMs: 3_000 });
  audited = () => store.audit.newest(10).map(({ event, subject, detail }) => `${event} ${subject}: ${detail}`);
  closing = [
    () => deployer[Symbol.dispose](),
    () => uploads[Symbol.asyncDispose](),
    () => store[Symbol.dispose](),
    () => rm(folder, { recursive: true }),
  ];
});
afterEach(async () => {
  delete process.env.CUTPOINT_CACHE_DIR;
  for (const close of closing) await close();
});

async function* once(what: Uint8Array) {
  yield what;
}
const request = (device: DeviceId, hash = hashOf(bytes)): DeploymentRequest => ({
  name,
  model: { name: 'Net', hash },
  ladders: [{ device, ladder: [{ at: [1], codecs: ['raw'], chain: [self] }] }],
});

/** A request whose files are there. */
async function sent(device: DeviceId, model = bytes): Promise<DeploymentRequest> {
  const hash = hashOf(model);
  await uploads.take({ hash, bytes: model.length, offset: 0, chunks: once(model) });
  return request(device, hash);
}

/** Counts to 2^60. */
const endless = serialiseModel(
  buildModel({
    opset: 17,
    inputs: [tensorValue('x', 'f32', [1, 4])],
    outputs: [tensorValue('y', 'f32', [1, 4])],
    initializers: [
      weight('trips', 'i64', [], new BigInt64Array([1n << 60n])),
      weight('go', 'bool', [], new Uint8Array([1])),
    ],
    nodes: [
      node('Relu', ['x'], ['a']),
      node('Loop', ['trips', 'go', 'a'], ['b'], { body: attribute.graph(tanhOnce()) }),
      node('Tanh', ['b'], ['y']),
    ],
  }),
);

function tanhOnce() {
  return subgraph({
    name: 'body',
    inputs: [tensorValue('i', 'i64', []), tensorValue('on', 'bool', []), tensorValue('h', 'f32', [1, 4])],
    outputs: [tensorValue('still_on', 'bool', []), tensorValue('next', 'f32', [1, 4])],
    nodes: [node('Identity', ['on'], ['still_on']), node('Tanh', ['h'], ['next'])],
  });
}

it('gives up a model that does not end when it is cut, and deploys others after it', async () => {
  const asked = await sent(pi, endless);
  await expect(hasty.deploy(asked, 'x')).rejects.toMatchObject({
    code: 'CUT_DEADLINE',
    message: expect.stringContaining('it may not end'),
  });
  expect([audited(), [...desired.keys()], await readdir(join(folder, 'scratch'))]).toEqual([[], [], []]);
  await fleet.deploy(await sent(pi), 'x');
});

it('refuses a page behind another device, whether it is there or away, as nobody can reach it', async () => {
  const ladder = [{ at: [1], codecs: ['raw'], chain: [phone] }];
  const asked = { ...(await sent(pi)), ladders: [{ device: self, ladder }] };
  await expect(fleet.deploy(asked, 'x')).rejects.toMatchObject({
    code: 'CUT_DEPLOYMENT',
    message: expect.stringContaining('phone is a page'),
  });
  expect([audited(), [...desired.keys()]]).toEqual([[], []]);
});

it('refuses what devices could not be told to run, before anything changes', async () => {
  const names = Array.from({ length: 600 }, (_, i) => `${'x'.repeat(480)}${i}`);
  const wide = buildModel({
    inputs: names.map((each) => tensorValue(each, 'f32', [1])),
    outputs: [tensorValue('y', 'f32', [1])],
    nodes: [node('Sum', names, ['a']), node('Tanh', ['a'], ['y'])],
  });
  await expect(fleet.deploy(await sent(pi, serialiseModel(wide)), 'x')).rejects.toMatchObject({
    code: 'CUT_DEPLOYMENT',
    message: expect.stringMatching(/^pi-1 cannot be told all that it would have to run \(it takes \d+ bytes/),
  });
  expect([audited(), [...desired.keys()]]).toEqual([[], []]);
});

it('writes down who changed what, and gives the server the whole model too', async () => {
  const accepted = await fleet.deploy(await sent(pi), 'token 5f3a');
  expect(audited()).toEqual([`deployed net: generation ${accepted.generation}, by token 5f3a`]);
  await expect.poll(() => [...desired.keys()].sort()).toEqual([pi, self]);
  const own = desired.get(self)?.assignments[0];
  expect(own?.ladder).toEqual([{ at: [], codecs: [], chain: [] }]);
  expect(own?.segments.map(({ from, to }) => [from, to])).toEqual([
    [1, undefined],
    [0, undefined],
  ]);
  expect(await readdir(join(folder, 'scratch'))).toEqual([]);
  await expect(fleet.deploy(request(pi), 'x')).rejects.toMatchObject({ code: 'CUT_DEPLOYMENT' });
  await expect(fleet.undeploy(deploymentId.parse('no'), 'x')).rejects.toMatchObject({
    code: 'CUT_DEPLOYMENT',
    message: 'There is no deployment no: nothing is deployed.',
  });
  expect(audited().length).toBe(1);
});

it('withdraws what is only on its way where it is undeployed or rolled back', async () => {
  const ends = [() => fleet.undeploy(name, 'token 5f3a'), () => fleet.rollback({ name }, 'token 5f3a')];
  for (const end of ends) {
    const { generation } = await fleet.deploy(await sent(pi), 'x');
    expect(await end()).toEqual({ name, generation, withdrawn: true });
    expect(audited()[0]).toBe(`withdrawn net: generation ${generation}, by token 5f3a`);
  }
  await expect(fleet.undeploy(name, 'x')).rejects.toMatchObject({ code: 'CUT_DEPLOYMENT' });
});

it('refuses devices that nobody knows or that were revoked, and files that were not sent, before anything changes', async () => {
  await expect(fleet.deploy(request(other), 'x')).rejects.toMatchObject({
    code: 'CUT_NOT_FOUND',
    message: 'There is no device pi-9 in the fleet, which has phone, pi-1, server.',
  });
  await expect(fleet.deploy(request(lost), 'x')).rejects.toMatchObject({
    code: 'CUT_DEPLOYMENT',
    message: 'pi-3 was revoked: pair it again, or deploy without it.',
  });
  await expect(fleet.deploy(request(pi), 'x')).rejects.toMatchObject({
    code: 'CUT_NOT_FOUND',
    message: expect.stringContaining('send it to /v1/files'),
  });
  expect([audited(), [...desired.keys()]]).toEqual([[], []]);
});
