import {
  assignment,
  type ContentStore,
  type DeploymentId,
  type DesiredState,
  type DeviceId,
  deviceId,
  type Generation,
  type Hold,
  type ReportedState,
  type SessionId,
} from '@cutpoint/control';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { filesOf } from './assignments.js';
import { checkDesired } from './check-desired.js';
import {
  awaited,
  came,
  changedIn,
  type FleetAssignments,
  giveUp,
  gone,
  heard,
  propose,
  type Rollout,
  requireIdle,
  restore,
  rolloutFrom,
  thrownOut,
} from './rollout.js';
import {
  desiredOf,
  leasedGeneration,
  type RolloutStatus,
  requireDeployment,
  rolledBack,
  statusOf,
  withDeployment,
} from './rollout-views.js';

/** The fleet as the deployer needs it. */
export interface DeployFleet {
  devices(): readonly {
    readonly device: DeviceId;
    readonly session: SessionId;
    readonly status: 'online' | 'silent' | 'offline';
    readonly reported: ReportedState | undefined;
  }[];
  watch(listener: (change: { readonly kind: string; readonly device: DeviceId }) => void): Disposable;
  /** What is known to be desired by now, by this server or another before it. */
  desired(device: DeviceId): DesiredState | undefined;
  setDesired(device: DeviceId, desired: DesiredState): Promise<void>;
  /** What leases name has changed. */
  grantAnew(): void;
  /** One that no device has heard of yet. */
  nextGeneration(): Generation;
}

/** Where deployments outlive the server. */
export interface DeployRecords {
  prepare(body: unknown, createdAtMs: number, least: Generation): Generation;
  activate(generation: Generation): void;
  drop(generation: Generation): void;
  active(): { readonly generation: Generation; readonly body: unknown } | undefined;
  /** Newest first. */
  list(): readonly { readonly generation: Generation; readonly state: string; readonly body: unknown }[];
}

export interface DeployerOptions {
  readonly fleet: DeployFleet;
  readonly records: DeployRecords;
  readonly content: ContentStore;
  /** Signs what a device shall run; undefined where there is no authority. */
  readonly sign: (desired: Omit<DesiredState, 'signature'>, device: DeviceId) => Promise<string | undefined>;
  /** How long devices may take until all are ready. Default 30 minutes. */
  readonly readyMs?: number;
  /** How long after the store failed what it was to keep is tried again. Default 5 s. */
  readonly retryMs?: number;
  readonly onProblem: (error: CutpointError) => void;
}

const storedFleet = z.object({ devices: z.array(z.tuple([deviceId, z.array(assignment)])) });

/** Leads a fleet from one deployment to the next: all of it or nothing. */
export class Deployer implements Disposable {
  readonly #options: DeployerOptions;
  readonly #watching: Disposable;
  #rollout: Rollout;
  #holds: Hold[] = [];
  #holding: Promise<void> = Promise.resolve();
  #publishing: Promise<void> = Promise.resolve();
  #deadline: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** When the deadline is, on the monotonic clock. */
  #endsAtMs = 0;
  #waiting: (() => void)[] = [];

  /** Goes on with what is stored as active; what was on its way when the server ended is restored. */
  constructor(options: DeployerOptions) {
    this.#options = options;
    this.#rollout = storedRollout(options.records);
    for (const { generation, state } of options.records.list())
      if (state === 'prepared') options.records.drop(generation);
    this.#watching = options.fleet.watch(({ device }) => this.#look(device));
    for (const { device } of options.fleet.devices()) this.#look(device);
    const { newest, active } = this.#rollout;
    if (newest > active.generation) this.#propose(active.assignments);
    // A broker that ended with the server has lost what it kept.
    else this.#publish(this.#rollout, new Set(active.assignments.keys()));
    this.#hold();
  }

  /** The generation that leases name. */
  get leased(): Generation {
    return leasedGeneration(this.#rollout);
  }

  get status(): RolloutStatus {
    return statusOf(this.#rollout);
  }

  /** How long devices still have to become ready, in ms; undefined while nothing is on its way. */
  get leftMs(): number | undefined {
    if (this.#rollout.attempt === undefined) return undefined;
    return Math.max(0, Math.round(this.#endsAtMs - performance.now()));
  }

  /** What every device runs. */
  get active(): FleetAssignments {
    return this.#rollout.active.assignments;
  }

  /**
   * Makes this what a deployment is, or ends it where nothing is given. Its files must be held until this returns.
   * @throws CutpointError CUT_DEPLOYMENT while another is under way, or if a device would have more to run than it can be told.
   */
  async deploy(deployment: DeploymentId, given: Parameters<typeof withDeployment>[2]): Promise<Generation> {
    const assignments = withDeployment(this.#rollout.active.assignments, deployment, given);
    checkDesired(assignments);
    this.#propose(assignments);
    const { newest } = this.#rollout;
    await this.#holding;
    return newest;
  }

  /** Ends a deployment. @throws CutpointError CUT_DEPLOYMENT if there is none of that name, or while another is under way. */
  async undeploy(deployment: DeploymentId): Promise<Generation> {
    requireDeployment(deployment, [this.active]);
    return await this.deploy(deployment, new Map());
  }

  /** Makes a deployment what it was before. @throws CutpointError CUT_DEPLOYMENT if it never was another, or as `deploy`. */
  async rollback(deployment: DeploymentId): Promise<Generation> {
    const assignments = rolledBack(this.#rollout, deployment);
    checkDesired(assignments);
    this.#propose(assignments);
    const { newest } = this.#rollout;
    await this.#holding;
    return newest;
  }

  /** @throws CutpointError CUT_DEPLOYMENT while something is on its way. */
  requireIdle(): void {
    requireIdle(this.#rollout);
  }

  /** Whether what is active has a deployment of that name. */
  has(deployment: DeploymentId): boolean {
    return [...this.active.values()].flat().some((each) => each.deployment === deployment);
  }

  /** Gives up a change of this deployment that is on its way; its generation. Undefined where there is none. */
  withdraw(deployment: DeploymentId): Generation | undefined {
    const { attempt } = this.#rollout;
    if (attempt?.kind !== 'change' || !changedIn(this.#rollout).includes(deployment)) return undefined;
    this.#step((rollout) => giveUp(rollout, { code: 'CUT_CANCELLED', message: 'The change was withdrawn.' }));
    return attempt.generation;
  }

  /** A device was thrown out of the fleet: it is not waited for. */
  throwOut(device: DeviceId): void {
    this.#stepSafely((rollout) => thrownOut(rollout, device));
  }

  /** Resolves once nothing is on its way. */
  async settled(): Promise<RolloutStatus> {
    while (this.#rollout.attempt !== undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.status;
  }

  [Symbol.dispose](): void {
    this.#watching[Symbol.dispose]();
    clearTimeout(this.#deadline);
    clearTimeout(this.#retry);
    for (const hold of this.#holds) hold[Symbol.dispose]();
  }

  #propose(assignments: FleetAssignments): void {
    // Refused before a generation is given out.
    requireIdle(this.#rollout);
    this.#step((rollout) => propose(rollout, this.#prepare(assignments), assignments));
  }

  #prepare(assignments: FleetAssignments): Generation {
    const { records, fleet } = this.#options;
    return records.prepare({ devices: [...assignments] }, Date.now(), fleet.nextGeneration());
  }

  /** What the fleet knows of a device by now. */
  #look(id: DeviceId): void {
    const device = this.#options.fleet.devices().find((each) => each.device === id);
    this.#stepSafely((rollout) => {
      if (device === undefined || device.status !== 'online')
        return rollout.present.has(id) ? gone(rollout, id) : rollout;
      const there = rollout.present.get(id) === device.session ? rollout : came(rollout, id, device.session);
      const { reported } = device;
      return reported === undefined || reported === there.reports.get(id) ? there : heard(there, id, reported);
    });
  }

  /** For those who could do nothing about an error. */
  #stepSafely(change: (rollout: Rollout) => Rollout): void {
    this.#safely(() => this.#step(change));
  }

  #safely(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#options.onProblem(asCutpointError(thrown, 'CUT_INTERNAL'));
    }
  }

  #step(change: (rollout: Rollout) => Rollout): void {
    const before = this.#rollout;
    const after = change(before);
    if (after === before) return;
    const failed = after.attempt?.problem !== undefined && before.attempt?.problem === undefined;
    try {
      this.#record(before, after, failed);
    } catch (thrown) {
      this.#lookAgainLater();
      throw thrown;
    }
    this.#rollout = after;
    if (after.active.generation !== before.active.generation) this.#options.fleet.grantAnew();
    if (after.newest !== before.newest) this.#begin(before, after);
    if (failed) this.#restore();
    else if (after.attempt === undefined && before.attempt !== undefined) this.#end();
  }

  /** What the store cannot keep does not come to be: what a server that starts anew reads is what devices were told. */
  #record(before: Rollout, after: Rollout, failed: boolean): void {
    const { records } = this.#options;
    if (after.active.generation !== before.active.generation) records.activate(after.active.generation);
    if (failed && after.attempt !== undefined) records.drop(after.attempt.generation);
  }

  #restore(): void {
    try {
      this.#step((rollout) => restore(rollout, this.#prepare(rollout.active.assignments)));
    } catch (thrown) {
      this.#lookAgainLater();
      throw thrown;
    }
  }

  /** A full disk may have room again, and nothing would come of what devices said meanwhile. */
  #lookAgainLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#rollout.attempt?.problem !== undefined) this.#safely(() => this.#restore());
      else for (const { device } of this.#options.fleet.devices()) this.#look(device);
      if (this.#rollout.attempt !== undefined && performance.now() >= this.#endsAtMs) this.#tooLate();
    }, this.#options.retryMs ?? 5_000);
  }

  #begin(before: Rollout, after: Rollout): void {
    const devices = [before.active.assignments, before.attempt?.assignments ?? new Map(), desiredFleet(after)];
    this.#publish(after, new Set([...devices.flatMap((fleet) => [...fleet.keys()]), ...after.present.keys()]));
    clearTimeout(this.#deadline);
    if (after.attempt === undefined) {
      this.#end();
      return;
    }
    this.#hold();
    this.#endsAtMs = performance.now() + this.#readyMs;
    this.#deadline = setTimeout(() => this.#tooLate(), this.#readyMs);
  }

  get #readyMs(): number {
    return this.#options.readyMs ?? 30 * 60_000;
  }

  #tooLate(): void {
    const waiting = awaited(this.#rollout).join(', ');
    const message = `Not ready within ${Math.round(this.#readyMs / 1000)} s: ${waiting}.`;
    this.#stepSafely((rollout) => giveUp(rollout, { code: 'CUT_DEADLINE', message }));
  }

  #end(): void {
    clearTimeout(this.#deadline);
    this.#hold();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** In the order of the generations: signing takes its time. */
  #publish(rollout: Rollout, devices: ReadonlySet<DeviceId>): void {
    const { fleet, sign, onProblem } = this.#options;
    const all = [...devices].map((device) => ({ device, desired: desiredOf(rollout, device) }));
    this.#publishing = this.#publishing.then(async () => {
      for (const { device, desired } of all) {
        if ((fleet.desired(device)?.generation ?? -1) >= desired.generation) continue;
        try {
          const signature = await sign(desired, device);
          await fleet.setDesired(device, { ...desired, ...(signature !== undefined && { signature }) });
        } catch (thrown) {
          onProblem(asCutpointError(thrown, 'CUT_INTERNAL', `${device} could not be told what to run`));
        }
      }
    });
  }

  /** Keeps in the store what devices may still have to fetch, and what they would for a rollback. */
  #hold(): void {
    const { active, attempt, former } = this.#rollout;
    const fleets = [active.assignments, ...(attempt === undefined ? [] : [attempt.assignments]), ...former.slice(0, 1)];
    const hashes = new Set(
      fleets.flatMap((fleet) =>
        [...fleet.values()]
          .flat()
          .flatMap(filesOf)
          .map(({ hash }) => hash),
      ),
    );
    this.#holding = this.#holding.then(async () => {
      const held = await Promise.all([...hashes].map((hash) => this.#options.content.hold(hash)));
      for (const hold of this.#holds) hold[Symbol.dispose]();
      this.#holds = held.flatMap((hold) => hold ?? []);
    });
  }
}

function desiredFleet({ attempt, active }: Rollout): FleetAssignments {
  return (attempt ?? active).assignments;
}

function storedRollout(records: DeployRecords): Rollout {
  const all = records.list();
  const active = records.active();
  const newest = all[0]?.generation ?? active?.generation;
  if (active === undefined) return rolloutFrom(zero, new Map(), newest === undefined ? {} : { newest });
  const former = all.filter(({ state, generation }) => state === 'former' && generation < active.generation);
  const options = { former: former.map(({ body }) => fleetOf(body)), ...(newest !== undefined && { newest }) };
  return rolloutFrom(active.generation, fleetOf(active.body), options);
}

const zero = 0 as Generation; // the lowest there is

function fleetOf(body: unknown): FleetAssignments {
  const parsed = storedFleet.safeParse(body);
  if (parsed.success) return new Map(parsed.data.devices);
  throw new CutpointError('CUT_INTERNAL', 'A stored deployment cannot be read: it is of another version.');
}
