import { randomBytes } from 'node:crypto';
import type { DeviceId } from '@cutpoint/control';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import type { Log } from '@cutpoint/daemon';
import type { FleetPlans, PlanJobView, PlanRequest, PlansAsked } from '../http/plan-request.js';
import type { MeasurerOptions } from './ask-measurements.js';
import type { PageMeasurerOptions } from './measure-page.js';
import type { PlanJobOptions } from './plan-job.js';

export type PlanJobsOptions = Omit<PlanJobOptions, 'measurer'> &
  Omit<MeasurerOptions, 'self'> &
  PageMeasurerOptions & { readonly log: Log };

interface Job {
  readonly stop: AbortController;
  readonly progress: Map<DeviceId, string>;
  state: PlanJobView['state'];
  problem: CutpointError | undefined;
  result: FleetPlans | undefined;
  ended: Promise<unknown>;
}

/** Plans that have ended are kept for whoever asks, the newest so many. */
const mostKept = 8;
/** A fleet that takes longer does not answer. */
const longestMs = 30 * 60_000;

/** Plans on their way: one at a time, as measurements would disturb one another. */
export class PlanJobs implements PlansAsked, AsyncDisposable {
  readonly #options: PlanJobsOptions;
  /** The oldest first. */
  readonly #jobs = new Map<string, Job>();
  #busy = false;

  constructor(options: PlanJobsOptions) {
    this.#options = options;
  }

  async start(request: PlanRequest, by: string): Promise<PlanJobView> {
    if (this.#busy) throw new CutpointError('CUT_OVERLOADED', 'Another model is being planned: try again later.');
    this.#busy = true;
    try {
      // Loaded where it is used: most servers plan rarely.
      const [{ castOf, runPlanJob }, { openMeasurer }, { withPages }] = await Promise.all([
        import('./plan-job.js'),
        import('./ask-measurements.js'),
        import('./measure-page.js'),
      ]);
      const cast = castOf(request, this.#options);
      const id = randomBytes(16).toString('hex');
      const stop = new AbortController();
      const progress = new Map<DeviceId, string>();
      const onProgress = (device: DeviceId, what: string | undefined) => {
        if (what === undefined) progress.delete(device);
        else progress.set(device, what);
      };
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(longestMs)]);
      const measurer = withPages(openMeasurer(this.#options), this.#options);
      const job: Job = {
        stop,
        progress,
        state: 'running',
        problem: undefined,
        result: undefined,
        ended: Promise.resolve(),
      };
      this.#keep(id, job);
      this.#options.log.info({ model: request.model.name, from: cast.from.map(({ device }) => device), by }, 'plans');
      job.ended = this.#follow(job, runPlanJob(request, cast, { ...this.#options, measurer, signal, onProgress }));
      return this.look(id);
    } catch (thrown) {
      this.#busy = false;
      throw thrown;
    }
  }

  look(id: string): PlanJobView {
    const { state, progress, problem, result } = this.#job(id);
    return {
      id,
      state,
      progress: [...progress].map(([device, what]) => ({ device, what })),
      ...(problem !== undefined && { problem: { code: problem.code, message: problem.message } }),
      ...(result !== undefined && { result }),
    };
  }

  cancel(id: string): PlanJobView {
    const job = this.#job(id);
    if (job.state === 'running') job.stop.abort(new CutpointError('CUT_CANCELLED', 'The plan was given up.'));
    return this.look(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#jobs.values()];
    for (const { stop } of all) stop.abort(new CutpointError('CUT_CANCELLED', 'The server is shutting down.'));
    await Promise.all(all.map(({ ended }) => ended));
  }

  #job(id: string): Job {
    const job = this.#jobs.get(id);
    if (job !== undefined) return job;
    throw new CutpointError('CUT_NOT_FOUND', `There is no plan ${id}: it was made long ago, or by another server.`);
  }

  #keep(id: string, job: Job): void {
    const ended = [...this.#jobs].filter(([, { state }]) => state !== 'running').map(([one]) => one);
    for (const one of ended.slice(0, Math.max(0, ended.length - mostKept + 1))) this.#jobs.delete(one);
    this.#jobs.set(id, job);
  }

  async #follow(job: Job, work: Promise<FleetPlans>): Promise<void> {
    try {
      job.result = await work;
      job.state = 'done';
    } catch (thrown) {
      job.problem = asCutpointError(thrown, 'CUT_INTERNAL');
      job.state = job.stop.signal.aborted ? 'cancelled' : 'failed';
      const { code, message } = job.problem;
      this.#options.log.warn({ code }, message);
    } finally {
      job.progress.clear();
      this.#busy = false;
    }
  }
}
