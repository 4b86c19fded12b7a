import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Assignment, AssignmentState, DesiredState, Generation, ReportedState } from '@cutpoint/control';
import { asCutpointError, CancelSource, CutpointError, onCancel } from '@cutpoint/core';
import type { DeployedModel } from '@cutpoint/daemon';
import { type PreparedAssignment, type PrepareOptions, prepareAssignment } from './prepare-assignment.js';
import { readRemembered, writeRemembered } from './remembered.js';

export interface FleetDeploymentsOptions
  extends Pick<PrepareOptions, 'store' | 'fetcher' | 'folder' | 'segmentOptions' | 'freeMemoryBytes' | 'warm'> {
  /** The file that keeps what was acted on last, so that it is acted on again after a restart while the server is away. */
  readonly remembered?: string;
  /** How long the files of a deployment may take to come. Default 30 minutes. */
  readonly fetchMs?: number;
  /** How long the first runs of a model may take. Default 10 minutes. */
  readonly warmMs?: number;
  /** How long requests may go on under a deployment that has ended. Default 30 s. */
  readonly graceMs?: number;
  /**
   * For how long requests of the generation before are still answered: others come to the new one a beat sooner or later.
   * Default 3 s.
   */
  readonly overlapMs?: number;
  /** After a failure, what is desired is tried again after so long. Default 30 s. */
  readonly retryMs?: number;
  /** Throws where what is desired is not signed by the fleet's authority: then it counts as never heard of. */
  readonly verify?: (desired: DesiredState) => Promise<void>;
  /** Hears of every change of what this device reports. Must not throw. */
  readonly onReport: (report: Omit<ReportedState, 'session'>) => void;
  /** Hears of what was refused of `remembered`, and of what went wrong while something was let go, for the log. Must not throw. */
  readonly onProblem: (error: CutpointError) => void;
}

/** An assignment that is being prepared or ready, for all generations that have it. */
interface Shared {
  readonly generations: Set<Generation>;
  readonly prepared: PreparedAssignment;
}

/** What is ready, by the deployment's name. */
type ReadySet = ReadonlyMap<string, Shared>;

/**
 * What was deployed to this device: a new generation is fetched and loaded beside the one it acts on, taken up when the
 * lease names it, and the old one let go once its requests have ended.
 */
export class FleetDeployments implements AsyncDisposable {
  readonly #options: FleetDeploymentsOptions;
  /** By the assignment as JSON: what does not change from one generation to the next stays loaded. */
  readonly #shared = new Map<string, Shared>();
  readonly #ready = new Map<Generation, ReadySet>();
  readonly #desired = new Map<Generation, DesiredState>();
  readonly #leaving = new Set<Promise<void>>();
  readonly #overlaps = new Set<NodeJS.Timeout>();
  #wanted: Generation | undefined;
  #leased: Generation | undefined;
  #acting: Generation | undefined;
  #states: AssignmentState[] = [];
  #stop = new CancelSource();
  #work: Promise<void> = Promise.resolve();
  #writing: Promise<void> = Promise.resolve();
  #folders = 0;
  #closed = false;

  private constructor(options: FleetDeploymentsOptions) {
    this.#options = options;
  }

  /**
   * Begins with what was acted on last, as far as that is remembered, signed and its files are here. What cannot be used of
   * it is told and forgotten: then the server says what is desired. @throws what the file system does.
   */
  static async open(options: FleetDeploymentsOptions): Promise<FleetDeployments> {
    await rm(options.folder, { recursive: true, force: true });
    await mkdir(options.folder, { recursive: true });
    const deployments = new FleetDeployments(options);
    const { remembered } = options;
    if (remembered !== undefined) await deployments.#recall(remembered);
    return deployments;
  }

  /** The generation that this device acts on. */
  get acting(): Generation | undefined {
    return this.#acting;
  }

  get report(): Omit<ReportedState, 'session'> {
    return {
      ...(this.#acting !== undefined && { active: this.#acting }),
      ...(this.#wanted !== undefined && { wanted: this.#wanted }),
      assignments: this.#states.map((state) => ({ ...state })),
    };
  }

  /**
   * What this device shall have ready; an older generation than the last is ignored.
   * @throws CutpointError CUT_SIGNATURE if it is not signed, and what else `verify` throws; what was wanted then stays wanted.
   */
  async desire(desired: DesiredState): Promise<void> {
    // First of all: a generation that nobody signed must not keep out those that come after it.
    await this.#options.verify?.(desired);
    if (this.#closed) return;
    if (this.#wanted !== undefined && desired.generation <= this.#wanted) return;
    this.#wanted = desired.generation;
    this.#states = desired.assignments.map(({ deployment }) => ({ deployment, phase: 'fetching' }));
    this.#stop.abort(new CutpointError('CUT_CANCELLED', `Generation ${desired.generation} is desired by now.`));
    this.#stop = new CancelSource();
    const stop = this.#stop;
    this.#tell();
    this.#work = this.#work.then(() => this.#reach(desired, stop));
  }

  /** The generation that a lease names: the newest that is ready up to this one is acted on from now on. */
  lease(generation: Generation): void {
    if (this.#leased !== undefined && generation <= this.#leased) return;
    this.#leased = generation;
    this.#follow();
  }

  /** Deployments that requests can be for now. */
  get deployments(): readonly Assignment[] {
    const set = this.#acting === undefined ? undefined : this.#ready.get(this.#acting);
    return [...(set?.values() ?? [])].map(({ prepared }) => prepared.assignment);
  }

  /**
   * Works with a deployed model, of the generation that is acted on, or of the one that another device's request names.
   * It stays loaded meanwhile.
   * @throws CutpointError CUT_STALE for an older generation, CUT_DEPLOYMENT if it is not ready here; what `work` throws.
   */
  async use<T>(
    deployment: string,
    generation: Generation | undefined,
    work: (model: DeployedModel, generation: Generation, assignment: Assignment) => Promise<T>,
  ): Promise<T> {
    const acting = this.#acting;
    const isOver = generation !== undefined && !this.#ready.has(generation);
    if (generation !== undefined && acting !== undefined && generation < acting && isOver) {
      const message = `The request belongs to generation ${generation}, but this device acts on ${acting}: ask again under that.`;
      throw new CutpointError('CUT_STALE', message);
    }
    const which = generation ?? acting;
    const shared = which === undefined ? undefined : this.#ready.get(which)?.get(deployment);
    if (which === undefined || shared === undefined) {
      const when = which === undefined ? '' : ` in generation ${which}`;
      throw new CutpointError('CUT_DEPLOYMENT', `The deployment ${deployment} is not ready on this device${when}.`);
    }
    return await shared.prepared.model.use((model) => work(model, which, shared.prepared.assignment));
  }

  /** Prepares until all is ready, or something else is desired. */
  async #reach(desired: DesiredState, stop: CancelSource): Promise<void> {
    while (!stop.aborted) {
      const failed = await this.#prepareAll(desired, stop).then(
        () => undefined,
        (thrown: unknown) => asCutpointError(thrown, 'CUT_INTERNAL'),
      );
      // What was reported as ready stays, though something newer is desired by now: it may become active yet.
      if (failed === undefined && this.#ready.has(desired.generation)) return this.#follow();
      if (stop.aborted) return this.#forget(desired.generation);
      await this.#pause(stop);
    }
  }

  async #prepareAll(desired: DesiredState, stop: CancelSource): Promise<void> {
    const { generation, assignments } = desired;
    const set = new Map<string, Shared>();
    let at = 0;
    try {
      for (; at < assignments.length; at += 1) {
        const assignment = assignments[at] as Assignment; // below the length
        set.set(assignment.deployment, await this.#share(assignment, generation, at, stop));
        this.#change(stop, at, { phase: 'ready', problem: undefined });
      }
      if (!stop.aborted) {
        this.#ready.set(generation, set);
        this.#desired.set(generation, desired);
      }
    } catch (thrown) {
      await this.#forget(generation);
      const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
      const phase = code === 'CUT_MEMORY' || code === 'CUT_DISK_FULL' ? 'refused' : 'failed';
      this.#change(stop, at, { phase, problem: { code, message: message.slice(0, 2000) } });
      throw thrown;
    }
  }

  async #share(assignment: Assignment, generation: Generation, at: number, stop: CancelSource): Promise<Shared> {
    const key = JSON.stringify(assignment);
    const known = this.#shared.get(key);
    if (known !== undefined) {
      known.generations.add(generation);
      return known;
    }
    this.#change(stop, at, { phase: 'fetching', problem: undefined });
    const prepared = await prepareAssignment(assignment, {
      ...this.#options,
      fetchMs: this.#options.fetchMs ?? 30 * 60_000,
      warmMs: this.#options.warmMs ?? 10 * 60_000,
      folder: join(this.#options.folder, String(this.#folders++)),
      signal: stop,
      onProgress: (progress) => this.#change(stop, at, progress),
    });
    const shared = { generations: new Set([generation]), prepared };
    this.#shared.set(key, shared);
    return shared;
  }

  #follow(): void {
    const able = [...this.#ready.keys()].filter((generation) => generation <= (this.#leased ?? -1));
    const newest = able.sort((a, b) => b - a)[0];
    if (newest !== undefined && newest > (this.#acting ?? -1)) {
      this.#acting = newest;
      this.#remember(newest);
      const former = [...this.#ready.keys()].filter((generation) => generation < newest);
      if (former.length > 0) this.#letGoSoon(former);
    }
    this.#tell();
  }

  async #recall(path: string): Promise<void> {
    try {
      const last = await readRemembered(path);
      if (last === undefined) return;
      await this.desire(last);
      this.lease(last.generation);
    } catch (thrown) {
      const { code, message } = asCutpointError(thrown, 'CUT_STORE');
      this.#options.onProblem(new CutpointError(code, `${path} is dropped. ${message}`, { cause: thrown }));
      await rm(path, { force: true });
    }
  }

  #remember(generation: Generation): void {
    const { remembered, onProblem } = this.#options;
    const desired = this.#desired.get(generation);
    if (remembered === undefined || desired === undefined) return;
    this.#writing = this.#writing
      .then(() => writeRemembered(remembered, desired))
      .catch((thrown: unknown) => onProblem(asCutpointError(thrown, 'CUT_FILE_WRITE')));
  }

  /** A generation that was given up before it was ready. */
  async #forget(generation: Generation): Promise<void> {
    await Promise.all(this.#letGo(generation, 0));
  }

  #letGoSoon(former: readonly Generation[]): void {
    const timer = setTimeout(() => {
      this.#overlaps.delete(timer);
      for (const generation of former) this.#letGo(generation);
    }, this.#options.overlapMs ?? 3_000);
    this.#overlaps.add(timer);
  }

  #letGo(generation: Generation, graceMs = this.#options.graceMs ?? 30_000): Promise<void>[] {
    this.#ready.delete(generation);
    this.#desired.delete(generation);
    const all: Promise<void>[] = [];
    for (const [key, { generations, prepared }] of this.#shared) {
      if (!generations.delete(generation) || generations.size > 0) continue;
      this.#shared.delete(key);
      const gone: Promise<void> = prepared
        .drain(graceMs)
        .catch((thrown: unknown) => this.#options.onProblem(asCutpointError(thrown, 'CUT_INTERNAL')))
        .finally(() => this.#leaving.delete(gone));
      this.#leaving.add(gone);
      all.push(gone);
    }
    return all;
  }

  #change(
    stop: CancelSource,
    at: number,
    change: { [K in keyof AssignmentState]?: AssignmentState[K] | undefined },
  ): void {
    const { problem, ...state } = { ...this.#states[at], ...change };
    if (stop !== this.#stop || state.deployment === undefined || state.phase === undefined) return;
    const { deployment, phase, fetchedBytes, totalBytes } = state;
    this.#states[at] = {
      deployment,
      phase,
      ...(fetchedBytes !== undefined && { fetchedBytes }),
      ...(totalBytes !== undefined && { totalBytes }),
      ...(problem !== undefined && { problem }),
    };
    this.#tell();
  }

  #tell(): void {
    this.#options.onReport(this.report);
  }

  async #pause(stop: CancelSource): Promise<void> {
    const timer = new AbortController();
    using _ = onCancel(stop, () => timer.abort());
    await sleep(this.#options.retryMs ?? 30_000, undefined, { signal: timer.signal }).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#stop.abort(new CutpointError('CUT_CANCELLED', 'The daemon is shutting down.'));
    await this.#work;
    await this.#writing;
    for (const timer of this.#overlaps) clearTimeout(timer);
    for (const generation of new Set([...this.#shared.values()].flatMap(({ generations }) => [...generations]))) {
      this.#letGo(generation, 0);
    }
    await Promise.all(this.#leaving);
  }
}
