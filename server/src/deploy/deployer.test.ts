import {
  type Assignment,
  type ContentStore,
  contentHash,
  type DesiredState,
  type DeviceId,
  deploymentId,
  deviceId,
  type Generation,
  generation as generationOf,
  type ReportedState,
  sessionId,
} from '@cutpoint/control';
import type { CutpointError } from '@cutpoint/core';
import { expect, it } from 'vitest';
import type { DeployFleet } from './deploy-fleet.js';
import { Deployer } from './deployer.js';
import type { DeployRecords } from './stored-rollout.js';

const device = deviceId.parse('pi-1');
const session = sessionId.parse('0'.repeat(32));
const model = deploymentId.parse('model');

const assignmentOf = (name: string): Assignment => ({
  deployment: model,
  model: { name, hash: contentHash.parse('0'.repeat(64)), inputs: [], outputs: [] },
  segments: [],
  files: [],
  ladder: [],
});

/** A device that takes what it is told, unless it is told to refuse, and a store whose disk may be full. */
class Rig implements Disposable {
  refuses = false;
  /** Whether the device was thrown out. */
  isRevoked = false;
  /** What the store cannot keep for now. */
  full: keyof DeployRecords | undefined;
  readonly problems: CutpointError[] = [];
  readonly kept = new Map<Generation, string>();
  readonly deployer: Deployer;
  #reported: ReportedState | undefined;
  #desired: DesiredState | undefined;
  #newest = 0;
  #listener: (change: { readonly kind: string; readonly device: DeviceId }) => void = () => {};

  constructor() {
    const records: DeployRecords = {
      prepare: () => this.#keep('prepare', generationOf.parse(++this.#newest), 'prepared'),
      activate: (generation) => void this.#keep('activate', generation, 'active'),
      drop: (generation) => void this.#keep('drop', generation, 'dropped'),
      active: () => undefined,
      list: () => [],
    };
    const fleet: DeployFleet = {
      devices: () => [{ device, session, status: 'online', reported: this.#reported }],
      watch: (listener) => {
        this.#listener = listener;
        return { [Symbol.dispose]: () => undefined };
      },
      desired: () => this.#desired,
      setDesired: async (_, desired) => this.#take(desired),
      grantAnew: () => undefined,
      nextGeneration: () => generationOf.parse(this.#newest + 1),
    };
    const content = { hold: async () => undefined } as unknown as ContentStore;
    const onProblem = (error: CutpointError) => void this.problems.push(error);
    const sign = async () => undefined;
    const isRevoked = () => this.isRevoked;
    this.deployer = new Deployer({ fleet, records, content, sign, isRevoked, retryMs: 20, onProblem });
  }

  async deploy(name: string, deployment = model): Promise<void> {
    await this.deployer.deploy(deployment, new Map([[device, { ...assignmentOf(name), deployment }]]));
  }

  get runs(): string | undefined {
    return this.deployer.active.get(device)?.[0]?.model.name;
  }

  [Symbol.dispose](): void {
    this.deployer[Symbol.dispose]();
  }

  #keep(what: keyof DeployRecords, generation: Generation, state: string): Generation {
    if (this.full === what) throw new Error('database or disk is full');
    this.kept.set(generation, state);
    return generation;
  }

  #take(desired: DesiredState): void {
    this.#desired = desired;
    const phase = this.refuses && desired.assignments.some(({ model: { name } }) => name === 'b') ? 'refused' : 'ready';
    const assignments = desired.assignments.map(({ deployment }) => ({ deployment, phase }) as const);
    this.#reported = { session, wanted: desired.generation, assignments };
    setImmediate(() => this.#listener({ kind: 'reported', device }));
  }
}

it('becomes active once the store can keep it, and not before', async () => {
  using rig = new Rig();
  rig.full = 'activate';
  await rig.deploy('a');
  await expect.poll(() => rig.problems.length).toBeGreaterThan(0);
  expect(rig.runs).toBeUndefined();
  rig.full = undefined;
  await rig.deployer.settled();
  expect(rig.runs).toBe('a');
  expect([...rig.kept.values()]).toEqual(['active']);
});

it.each(['drop', 'prepare'] as const)(
  'goes back from what a device refused although the store fails: %s',
  async (what) => {
    using rig = new Rig();
    await rig.deploy('a');
    await rig.deployer.settled();
    rig.refuses = true;
    const refused = rig.deploy('b');
    rig.full = what;
    await refused;
    await expect.poll(() => rig.problems.length).toBeGreaterThan(1);
    expect(rig.deployer.status.phase).not.toBe('active');
    rig.full = undefined;
    await rig.deployer.settled();
    expect(rig.runs).toBe('a');
    expect(rig.deployer.status.phase).toBe('rolled back');
    await rig.deploy('c');
    await rig.deployer.settled();
    expect(rig.runs).toBe('c');
  },
);

it('refuses at once to go back to a device that was revoked, or to deploy to it', async () => {
  using rig = new Rig();
  for (const name of ['a', 'b']) {
    await rig.deploy(name);
    await rig.deployer.settled();
  }
  rig.isRevoked = true;
  const refusal = { code: 'CUT_DEPLOYMENT', message: 'pi-1 was revoked: pair it again, or deploy without it.' };
  await expect(rig.deployer.rollback(model)).rejects.toMatchObject(refusal);
  await expect(rig.deploy('c')).rejects.toMatchObject(refusal);
  expect(rig.deployer.status.phase).toBe('active');
});

it('undeploys what shared a revoked device with something else, without waiting for it', async () => {
  using rig = new Rig();
  for (const deployment of [model, deploymentId.parse('other')]) {
    await rig.deploy('a', deployment);
    await rig.deployer.settled();
  }
  rig.isRevoked = true;
  await rig.deployer.undeploy(model);
  expect(rig.deployer.status).toMatchObject({ phase: 'active', waitingFor: [] });
  expect([...rig.deployer.active]).toEqual([]);
});
