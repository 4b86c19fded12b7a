import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ContentFetcher,
  ContentStore,
  contentHandler,
  type DeviceId,
  deploymentId,
  deviceId,
  Fleet,
  fleetId,
  newSession,
  openBroker,
  openConnection,
  openStore,
  startMember,
  willOf,
} from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { stageKey } from '@cutpoint/daemon';
import { FleetDeployments } from '@cutpoint/fleet';
import { Deployer, deployModel, ladderOfPlan } from '@cutpoint/server';
import { expect, test } from 'vitest';
import { makeTinyModel } from './tiny-model.testing.js';

const fleet = fleetId.parse('test');
const pi = deviceId.parse('pi');
const box = deviceId.parse('box');
const server = deviceId.parse('server');
const name = deploymentId.parse('classifier');
const soon = { timeout: 60_000 };
const facts = { version: '0', platform: 'test', cpuModel: 'none', cores: 1, memoryBytes: 1e9 };
const idle = {
  memoryBytes: 0,
  freeMemoryBytes: 1e9,
  cpuShare: 0,
  requests: { done: 0, failed: 0, underWay: 0 },
  links: [],
};

/** All that is opened, to be closed the other way round. */
class Opened implements AsyncDisposable {
  readonly #all: (AsyncDisposable | Disposable)[] = [];

  add<T extends AsyncDisposable | Disposable>(one: T): T {
    this.#all.push(one);
    return one;
  }

  later(close: () => Promise<unknown>): void {
    this.#all.push({ [Symbol.asyncDispose]: async () => void (await close()) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#all.reverse()) {
      if (Symbol.asyncDispose in one) await one[Symbol.asyncDispose]();
      else one[Symbol.dispose]();
    }
  }
}

/** A server with broker, fleet, records and content. */
async function openServer(folder: string, opened: Opened) {
  const problems: unknown[] = [];
  const onProblem = (error: unknown) => problems.push(error);
  const content = await ContentStore.open({ folder: join(folder, 'content'), maxBytes: 1e9 });
  const http = createServer(contentHandler({ store: content })).listen(0, '127.0.0.1');
  await once(http, 'listening');
  opened.later(async () => {
    http.closeAllConnections();
    http.close();
  });
  const broker = opened.add(await openBroker({ fleet, listen: { host: '127.0.0.1', port: 0 }, onRefused: onProblem }));
  const address = { url: broker.url, device: server, password: broker.serverPassword };
  const connection = opened.add(openConnection({ ...address, onProblem }));
  await connection.untilUp(AbortSignal.timeout(20_000));
  const store = opened.add(openStore(join(folder, 'store')));
  let deployer: Deployer | undefined;
  const view = opened.add(new Fleet(connection, { fleet, onProblem, leasedGeneration: () => deployer?.leased }));
  const records = store.deployments;
  deployer = opened.add(
    new Deployer({ fleet: view, records, content, sign: async () => undefined, isRevoked: () => false, onProblem }),
  );
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return { broker, view, content, deployer, url, problems };
}

/** A device of that fleet. */
async function openDevice(
  device: DeviceId,
  folder: string,
  at: { broker: { url: string }; url: string },
  opened: Opened,
) {
  const session = newSession();
  const onProblem = () => {};
  const connection = opened.add(
    openConnection({ url: at.broker.url, device, will: willOf(fleet, device, session), onProblem }),
  );
  const store = await ContentStore.open({ folder: join(folder, device), maxBytes: 1e9 });
  let say = (_: FleetDeployments['report']) => {};
  const deployments = opened.add(
    await FleetDeployments.open({
      store,
      fetcher: new ContentFetcher({ store, urls: () => [at.url] }),
      folder: join(folder, device, 'deployed'),
      segmentOptions: { optimisation: 'none' },
      freeMemoryBytes: () => 1e9,
      onReport: (report) => say(report),
      onProblem,
    }),
  );
  const member = opened.add(
    startMember(connection, {
      fleet,
      device,
      session,
      role: 'agent',
      addresses: [],
      facts,
      measure: () => idle,
      onDesired: (desired) => deployments.desire(desired),
      onGeneration: (generation) => deployments.lease(generation),
      onCommand: async () => [],
      onProblem,
      beatMs: 100,
    }),
  );
  say = (report) => member.report(report);
  return { deployments, member };
}

test('over a real broker a fleet goes from one deployment to the next, and keeps its lease meanwhile', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-deploying-fleet-'));
  await using opened = new Opened();
  opened.later(() => rm(folder, { recursive: true, force: true }));
  const tiny = opened.add(await makeTinyModel());
  const at = await openServer(folder, opened);
  const devices = { pi: await openDevice(pi, folder, at, opened), box: await openDevice(box, folder, at, opened) };
  await expect.poll(() => at.view.devices().filter(({ status }) => status === 'online').length, soon).toBe(2);

  const deploy = async (cut: number) => {
    const pick = { devices: ['pi', 'box'], cuts: [cut], codecs: ['raw'] };
    const ladders = [ladderOfPlan({ pick, front: [], baselines: [{ device: 'pi' }] })];
    const { deployer, content } = at;
    await deployModel(tiny.model, { deployment: name, model: 'tiny', ladders }, { deployer, content });
  };
  const answerOnce = () =>
    devices.pi.deployments.use(name, undefined, async ({ source, stages }, generation) => {
      expect(devices.pi.member.mayAct(generation)).toBe(true);
      const [cut] = devices.pi.deployments.deployments[0]?.ladder[0]?.at ?? [];
      const load = () => Promise.reject(new Error('it is loaded'));
      const first = await stages.use(stageKey([cut ?? 0], 0), load, (stage) => stage.run(tiny.inputs));
      expect(source.splitAt([cut ?? 0]).segments).toHaveLength(2);
      return await devices.box.deployments.use(name, generation, async (there) => {
        const last = await there.stages.use(stageKey([cut ?? 0], 1), load, (stage) => stage.run(first.sends));
        return last.answers;
      });
    });

  /** A request that began just before the other device went on is asked again, under the new generation. */
  const answer = async (): ReturnType<typeof answerOnce> => {
    for (const endMs = performance.now() + soon.timeout; ; await sleep(100)) {
      try {
        return await answerOnce();
      } catch (thrown) {
        if (!(thrown instanceof CutpointError) || thrown.code !== 'CUT_STALE') throw thrown;
        if (performance.now() > endMs) throw thrown;
      }
    }
  };

  await deploy(2);
  expect((await at.deployer.settled()).phase).toBe('active');
  await expect.poll(() => [devices.pi.deployments.acting, devices.box.deployments.acting], soon).toEqual([1, 1]);
  expect(await answer()).toEqual(tiny.expected);

  await deploy(1);
  // What is desired is not acted on before all are ready: there is no gap.
  let answered = 0;
  while (at.deployer.status.phase !== 'active') {
    expect(await answer()).toEqual(tiny.expected);
    answered += 1;
  }
  expect(answered).toBeGreaterThan(0);
  await expect.poll(() => [devices.pi.deployments.acting, devices.box.deployments.acting], soon).toEqual([2, 2]);
  expect(await answer()).toEqual(tiny.expected);

  await at.deployer.rollback(name);
  expect((await at.deployer.settled()).active).toBe(3);
  await expect.poll(() => at.view.devices().map(({ reported }) => reported?.active), soon).toEqual([3, 3]);
  expect(await answer()).toEqual(tiny.expected);
  expect(at.problems).toEqual([]);
}, 120_000);
