import type { ContentStore, DeploymentId, DeviceId, Generation } from '@cutpoint/control';
import { asCutpointError, type CutpointError } from '@cutpoint/core';
import { checkDesired } from './check-desired.js';
import type { DeployFleet } from './deploy-fleet.js';
import { DesiredPublisher, type SignDesired } from './desired-publisher.js';
import { HeldFiles } from './held-files.js';
import { withoutRevoked } from './revoked-devices.js';
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
import { bodyOf, type DeployRecords, storedRollout } from './stored-rollout.js';

export interface DeployerOptions {
  readonly fleet: DeployFleet;
  readonly records: DeployRecords;
  readonly content: ContentStore;
  readonly sign: SignDesired;
  /** Whether a device was thrown out of the fleet. */
  readonly isRevoked: (device: DeviceId) => boolean;
  /** How long devices may take until all are ready. Default 30 minutes. */
  readonly readyMs?: number;
  /** How long after the store failed what it was to keep is tried again. Default 5 s. */
  readonly retryMs?: number;
  readonly onProblem: (error: CutpointError) => void;
}

/** Leads a fleet from one deployment to the next: all of it or nothing. */
export class Deployer implements Disposable {
  readonly #options: DeployerOptions;
  readonly #watching: Disposable;
  #rollout: Rollout;
  readonly #files: HeldFiles;
  readonly #publisher: DesiredPublisher;
  #deadline: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** When the deadline is, on the monotonic clock. */
  #endsAtMs = 0;
  #waiting: (() => void)[] = [];

  /** Goes on with what is stored as active; what was on its way when the server ended is restored. */
  constructor(options: DeployerOptions) {
    this.#options = options;
    this.#files = new HeldFiles(options.content);
    this.#publisher = new DesiredPublisher(options);
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
   * @throws CutpointError CUT_DEPLOYMENT while another is under way, or if a device was revoked, or would have more to run than
   * it can be told.
   */
  async deploy(deployment: DeploymentId, given: Parameters<typeof withDeployment>[2]): Promise<Generation> {
    return await this.#change(deployment, withDeployment(this.#rollout.active.assignments, deployment, given));
  }

  /** Ends a deployment. @throws CutpointError CUT_DEPLOYMENT if there is none of that name, or while another is under way. */
  async undeploy(deployment: DeploymentId): Promise<Generation> {
    requireDeployment(deployment, [this.active]);
    return await this.deploy(deployment, new Map());
  }

  /** Makes a deployment what it was before. @throws CutpointError CUT_DEPLOYMENT if it never was another, or as `deploy`. */
  async rollback(deployment: DeploymentId): Promise<Generation> {
    return await this.#change(deployment, rolledBack(this.#rollout, deployment));
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
    this.#files[Symbol.dispose]();
  }

  async #change(deployment: DeploymentId, wanted: FleetAssignments): Promise<Generation> {
    const assignments = withoutRevoked(wanted, deployment, this.#options.isRevoked);
    checkDesired(assignments);
    this.#propose(assignments);
    const { newest } = this.#rollout;
    await this.#files.held();
    return newest;
  }

  #propose(assignments: FleetAssignments): void {
    // Refused before a generation is given out.
    requireIdle(this.#rollout);
    this.#step((rollout) => propose(rollout, this.#prepare(assignments), assignments));
  }

  #prepare(assignments: FleetAssignments): Generation {
    const { records, fleet } = this.#options;
    return records.prepare(bodyOf(assignments), Date.now(), fleet.nextGeneration());
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

  #publish(rollout: Rollout, devices: ReadonlySet<DeviceId>): void {
    this.#publisher.publish(new Map([...devices].map((device) => [device, desiredOf(rollout, device)])));
  }

  #hold(): void {
    const { active, attempt, former } = this.#rollout;
    this.#files.keep([
      active.assignments,
      ...(attempt === undefined ? [] : [attempt.assignments]),
      ...former.slice(0, 1),
    ]);
  }
}

function desiredFleet({ attempt, active }: Rollout): FleetAssignments {
  return (attempt ?? active).assignments;
}
