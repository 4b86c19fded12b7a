import { writeFile } from 'node:fs/promises';
import { type DeviceId, deploymentId, deviceId, type Generation, type Rung } from '@cutpoint/control';
import {
  asCutpointError,
  type CancelSignal,
  CutpointError,
  cancelReason,
  type NamedTensors,
  onCancel,
} from '@cutpoint/core';
import { stageKey } from '@cutpoint/daemon';
import {
  assignmentsOf,
  type Ladder,
  ladderOfPlan,
  type PackagedModel,
  packageModel,
  splitsOf,
  wholeRung,
} from '@cutpoint/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestFleet } from './fleet-in-process.testing.js';
import { makeTinyModel, type TinyModel } from './tiny-model.testing.js';

const pi = deviceId.parse('pi');
const box = deviceId.parse('box');
/** The machine may be busy. */
const soon = { timeout: 60_000 };
const name = deploymentId.parse('classifier');

let tiny: TinyModel;
let inputs: NamedTensors;
let expected: NamedTensors;

beforeAll(async () => {
  tiny = await makeTinyModel();
  ({ inputs, expected } = tiny);
});

afterAll(() => tiny[Symbol.asyncDispose]());

const plan = (cut: number) => ({ devices: ['pi', 'box'], cuts: [cut], codecs: ['raw'] });
const alone = { device: 'pi', devices: ['pi'], cuts: [], codecs: [] };

async function packaged(fleet: TestFleet, ladders: readonly Ladder[]): Promise<PackagedModel> {
  return await packageModel(tiny.model, { store: fleet.content, splits: splitsOf(ladders), memoryBytes: () => 50e6 });
}

async function deploy(fleet: TestFleet, pick: number, front: readonly number[] = []): Promise<Generation> {
  const ladders = [ladderOfPlan({ pick: plan(pick), front: front.map(plan), baselines: [alone] })];
  using made = await packaged(fleet, ladders);
  return await fleet.deployer.deploy(name, assignmentsOf(made, { deployment: name, model: 'tiny', ladders }));
}

/** Answers a request at the device by one rung of its ladder, each segment on its own device. */
async function ask(fleet: TestFleet, from: DeviceId, rungAt = 0): Promise<NamedTensors> {
  return await fleet.device(from).deployments.use(name, undefined, async (own, generation) => {
    const assignment = fleet.device(from).deployments.deployments.find(({ deployment }) => deployment === name);
    const rung = assignment?.ladder[rungAt] as Rung;
    let tensors = inputs;
    let answers: NamedTensors = new Map();
    for (const [index, id] of [from, ...rung.chain].entries()) {
      const run = async (deployed: typeof own) => {
        const segment = deployed.source.splitAt(rung.at).segments[index];
        if (segment === undefined) throw new Error('The split has no such segment.');
        const load = () => Promise.reject(new Error('it should have been loaded when it was deployed'));
        return await deployed.stages.use(stageKey(rung.at, index), load, (stage) => stage.run(tensors));
      };
      const result = index === 0 ? await run(own) : await fleet.device(id).deployments.use(name, generation, run);
      tensors = result.sends;
      answers = result.answers;
    }
    return answers;
  });
}

test('a plan becomes segments on devices, and each of its rungs answers as the whole model does', async () => {
  await using fleet = await TestFleet.open({ devices: [pi, box] });
  expect(await deploy(fleet, 2, [1, 3])).toBe(1);
  expect(await fleet.settled()).toMatchObject({ phase: 'active', active: 1 });
  const [assignment] = fleet.device(pi).deployments.deployments;
  expect(assignment?.ladder.map(({ at }) => at)).toEqual([[2], [1], [3], []]);
  for (let rung = 0; rung < 4; rung++) expect(await ask(fleet, pi, rung)).toEqual(expected);
  expect(fleet.device(pi).reported).toMatchObject({ active: 1, wanted: 1, assignments: [{ phase: 'ready' }] });
  expect(fleet.problems).toEqual([]);
});

test.each(['no such codec', 'constructor', 'jpeg:quality=80'])(
  'the codec %s is refused before anything is sent',
  async (codec) => {
    await using fleet = await TestFleet.open({ devices: [pi, box] });
    const ladders = [{ device: pi, ladder: [{ at: [2], codecs: [codec], chain: [box] }] }];
    using made = await packaged(fleet, ladders);
    expect(() => assignmentsOf(made, { deployment: name, model: 'tiny', ladders })).toThrow(
      expect.objectContaining({ code: 'CUT_DEPLOYMENT' }),
    );
  },
);

test('first runs that do not end are given up when something else is desired, at their deadline, and with the daemon', async () => {
  let isEndless = true;
  const running = new Set<CancelSignal>();
  const ends: string[] = [];
  const warm = (_: unknown, __: unknown, signal: CancelSignal) =>
    new Promise<void>((resolve, reject) => {
      if (!isEndless) return resolve();
      running.add(signal);
      onCancel(signal, () => {
        running.delete(signal);
        ends.push(asCutpointError(cancelReason(signal), 'CUT_INTERNAL').code);
        reject(cancelReason(signal));
      });
    });
  await using fleet = await TestFleet.open({ devices: [pi], warm, warmMs: 3_000 });
  const deployAlone = async (model: string) => {
    const ladders = [{ device: pi, ladder: [wholeRung] }];
    using made = await packaged(fleet, ladders);
    await fleet.deployer.deploy(name, assignmentsOf(made, { deployment: name, model, ladders }));
  };
  const begun = () => expect.poll(() => running.size, soon).toBe(1);
  await deployAlone('a');
  const problem = { code: 'CUT_DEADLINE', message: expect.stringMatching(/took longer than 3 s on this device/) };
  expect(await fleet.settled()).toMatchObject({ phase: 'rolled back', problem });
  expect(ends).toEqual(['CUT_DEADLINE']);
  await deployAlone('b');
  await begun();
  fleet.deployer.withdraw(name);
  await fleet.settled();
  await expect.poll(() => ends, soon).toEqual(['CUT_DEADLINE', 'CUT_CANCELLED']);
  isEndless = false;
  await deployAlone('c');
  expect(await fleet.settled()).toMatchObject({ phase: 'active' });
  isEndless = true;
  await deployAlone('d');
  await begun();
  await fleet.device(pi).deployments[Symbol.asyncDispose]();
  expect(ends).toEqual(['CUT_DEADLINE', 'CUT_CANCELLED', 'CUT_CANCELLED']);
});

test('nothing is sent to a device twice: not for another deployment, not after a restart', async () => {
  await using fleet = await TestFleet.open({ devices: [pi, box] });
  await deploy(fleet, 2);
  await fleet.settled();
  const sent = fleet.requests.length;
  expect(new Set(fleet.requests).size).toBeGreaterThan(3);
  await fleet.restart(pi);
  await expect.poll(() => fleet.device(pi).deployments.acting, soon).toBe(1);
  expect(await ask(fleet, pi)).toEqual(expected);
  expect(fleet.requests.length).toBe(sent);
  await deploy(fleet, 2, [1]);
  await fleet.settled();
  const more = fleet.requests.slice(sent);
  await fleet.deployer.rollback(name);
  expect(await fleet.settled()).toMatchObject({ phase: 'active', active: 3 });
  expect(fleet.requests.slice(sent)).toEqual(more);
  expect(await ask(fleet, pi)).toEqual(expected);
});

test('a device without the memory refuses with the numbers, fetches nothing, and all stays as it was', async () => {
  await using fleet = await TestFleet.open({ devices: [pi, box] });
  await deploy(fleet, 2);
  await fleet.settled();
  fleet.device(pi).freeMemoryBytes = 60e6;
  const sent = fleet.requests.length;
  await deploy(fleet, 1);
  const status = await fleet.settled();
  const message = 'The deployment classifier needs 100 MB on this device, but 60 MB are free.';
  expect(status).toMatchObject({
    phase: 'rolled back',
    problem: { device: pi, phase: 'refused', code: 'CUT_MEMORY', message },
  });
  expect(status.active).toBe(3);
  await expect.poll(() => fleet.device(pi).deployments.acting, soon).toBe(3);
  expect((await fleet.device(pi).deployments.deployments[0])?.ladder[0]?.at).toEqual([2]);
  expect(await ask(fleet, pi)).toEqual(expected);
  expect(fleet.requests.slice(sent).length).toBeLessThanOrEqual(2); // the other device has begun
});

test('requests go on while another deployment is fetched, and none is answered by two', async () => {
  await using fleet = await TestFleet.open({ devices: [pi, box] });
  await deploy(fleet, 2);
  await fleet.settled();
  let answered = 0;
  let stale = 0;
  let on = true;
  const beats = setInterval(() => fleet.beat(), 5);
  const load = (async () => {
    while (on) {
      try {
        expect(await ask(fleet, pi)).toEqual(expected);
        answered += 1;
      } catch (thrown) {
        // The other device has gone on meanwhile: asked again, it is answered.
        if (!(thrown instanceof CutpointError) || thrown.code !== 'CUT_STALE') throw thrown;
        stale += 1;
      }
      await new Promise(setImmediate);
    }
  })();
  for (const pick of [1, 3, 2, 1]) {
    await deploy(fleet, pick);
    expect((await fleet.settled()).phase).toBe('active');
  }
  on = false;
  await load;
  clearInterval(beats);
  expect(answered).toBeGreaterThan(20);
  expect(stale).toBeLessThanOrEqual(4);
  expect(fleet.problems).toEqual([]);
});

test('a device that is away holds a deployment up until it is back', async () => {
  await using fleet = await TestFleet.open({ devices: [pi, box] });
  fleet.setOnline(box, false);
  await deploy(fleet, 2);
  await expect.poll(() => fleet.deployer.status.waitingFor, soon).toEqual([box]);
  fleet.setOnline(box, true);
  expect((await fleet.settled()).phase).toBe('active');
});

test('a change that waits is withdrawn by its name, and the next one gets its turn', async () => {
  await using fleet = await TestFleet.open({ devices: [pi, box] });
  await deploy(fleet, 2);
  await fleet.settled();
  fleet.setOnline(box, false);
  const generation = await deploy(fleet, 1);
  await expect.poll(() => fleet.deployer.status, soon).toMatchObject({ name, waitingFor: [box], generation });
  expect(fleet.deployer.leftMs).toBeGreaterThan(29 * 60_000);
  await expect(deploy(fleet, 3)).rejects.toThrow(
    /classifier \(generation 2\).*waits for box.*cutpoint rollback classifier/,
  );
  expect(fleet.deployer.withdraw(deploymentId.parse('other'))).toBeUndefined();
  expect(fleet.deployer.withdraw(name)).toBe(generation);
  const { phase, problem } = await fleet.settled();
  expect([phase, problem?.code, fleet.deployer.leftMs]).toEqual(['rolled back', 'CUT_CANCELLED', undefined]);
  expect(fleet.deployer.withdraw(name)).toBeUndefined();
  fleet.setOnline(box, true);
  await deploy(fleet, 3);
  expect((await fleet.settled()).phase).toBe('active');
});

test('a change that waits for a device that is thrown out of the fleet fails', async () => {
  await using fleet = await TestFleet.open({ devices: [pi, box] });
  fleet.setOnline(box, false);
  await deploy(fleet, 2);
  await expect.poll(() => fleet.deployer.status.waitingFor, soon).toEqual([box]);
  fleet.deployer.throwOut(pi);
  expect(fleet.deployer.status.problem).toBeUndefined();
  fleet.deployer.throwOut(box);
  const { phase, problem } = await fleet.settled();
  expect([phase, problem?.device, problem?.code]).toEqual(['rolled back', box, 'CUT_REVOKED']);
});

test('a deployment that is not ready in time is given up, with the names of those that are not', async () => {
  await using fleet = await TestFleet.open({ devices: [pi, box], readyMs: 3_000 });
  fleet.setOnline(box, false);
  await deploy(fleet, 1);
  const { phase, problem } = await fleet.settled();
  expect([phase, problem?.code]).toEqual(['rolled back', 'CUT_DEADLINE']);
  expect(problem?.message).toMatch(/^Not ready within 3 s: .*box\.$/);
  await expect(fleet.deployer.rollback(name)).rejects.toMatchObject({ code: 'CUT_DEPLOYMENT' });
});

test('a server that is restarted in the middle goes on with what was active', async () => {
  await using fleet = await TestFleet.open({ devices: [pi, box] });
  await deploy(fleet, 2);
  await fleet.settled();
  fleet.setOnline(box, false);
  await deploy(fleet, 1);
  await expect.poll(() => fleet.deployer.status.waitingFor, soon).toEqual([box]);
  fleet.restartServer();
  expect(fleet.deployer.leased).toBe(1);
  expect((await fleet.settled()).active).toBe(3);
  fleet.setOnline(box, true);
  await expect.poll(() => fleet.device(box).reported?.wanted, soon).toBe(3);
  await expect.poll(() => fleet.device(pi).deployments.acting, soon).toBe(3);
  fleet.beat();
  await expect.poll(() => fleet.device(box).deployments.acting, soon).toBe(3);
  expect(fleet.device(pi).deployments.deployments[0]?.ladder[0]?.at).toEqual([2]);
  expect(await ask(fleet, pi)).toEqual(expected);
  fleet.restartServer();
  expect(fleet.deployer.status).toMatchObject({ phase: 'active', active: 3 });
});

test('an undeployed model is not served any more', async () => {
  await using fleet = await TestFleet.open({ devices: [pi, box] });
  await deploy(fleet, 2);
  await fleet.settled();
  const message = 'There is no deployment other: there are classifier.';
  const refused = { code: 'CUT_DEPLOYMENT', message };
  await expect(fleet.deployer.undeploy(deploymentId.parse('other'))).rejects.toMatchObject(refused);
  await expect(fleet.deployer.rollback(deploymentId.parse('other'))).rejects.toMatchObject(refused);
  await fleet.deployer.undeploy(name);
  await fleet.settled();
  await expect.poll(() => fleet.device(pi).deployments.acting, soon).toBe(2);
  await expect(ask(fleet, pi)).rejects.toMatchObject({ code: 'CUT_DEPLOYMENT' });
  await fleet.deployer.rollback(name);
  await fleet.settled();
  expect(await ask(fleet, pi)).toEqual(expected);
});

test('a file that broke on the disk of a device is noticed and fetched anew', async () => {
  await using fleet = await TestFleet.open({ devices: [pi, box] });
  await deploy(fleet, 2);
  await fleet.settled();
  const [segment] = fleet.device(pi).deployments.deployments[0]?.segments ?? [];
  const hash = segment?.file.hash ?? '';
  await writeFile(fleet.cachedAt(pi, hash), 'broken');
  const sent = fleet.requests.length;
  await fleet.restart(pi);
  await expect.poll(() => fleet.device(pi).deployments.acting, soon).toBe(1);
  expect(fleet.requests.slice(sent)).toEqual([`/v1/content/${hash}`]);
  expect(await ask(fleet, pi)).toEqual(expected);
});

test('what is not signed is not run', async () => {
  const verify = async () => {
    throw new CutpointError('CUT_SIGNATURE', 'The deployment is not signed by the authority of this fleet.');
  };
  await using fleet = await TestFleet.open({ devices: [pi, box], verify, readyMs: 500 });
  await deploy(fleet, 2);
  const { phase, problem } = await fleet.settled();
  expect([phase, problem?.code]).toEqual(['rolled back', 'CUT_DEADLINE']);
  expect(fleet.problems.map(({ code }) => code)).toContain('CUT_SIGNATURE');
  expect(fleet.device(pi).deployments.report).toEqual({ assignments: [] });
  expect(fleet.requests).toEqual([]);
  expect(fleet.device(pi).deployments.deployments).toEqual([]);
});

test.each([
  [{}, 'pick'],
  [{ pick: { devices: ['pi', 'box'], cuts: [], codecs: [] } }, 'one cut and one codec'],
  [{ pick: { devices: ['pi', 'box'], cuts: [1], codecs: ['png'] } }, 'no pictures|none of the'],
  [{ pick: { devices: ['pi', '../box'], cuts: [1], codecs: ['raw'] } }, 'lowercase letters'],
])('%j is refused as a plan', (json, why) => {
  expect(() => ladderOfPlan(json)).toThrow(new RegExp(why));
});
