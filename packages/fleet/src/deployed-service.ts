import type { Assignment, DeviceId } from '@cutpoint/control';
import { deviceId, generation } from '@cutpoint/control';
import { type CancelSignal, CutpointError, type NamedTensors } from '@cutpoint/core';
import {
  type DeployedModel,
  type HopReport,
  type Log,
  type RequestTags,
  type SplitRun,
  type StageDescription,
  type StageRequest,
  StageService,
} from '@cutpoint/daemon';
import { concreteInputs, randomInputs, type SegmentOptions } from '@cutpoint/runtime';
import { DeployedRunner } from './deployed-runner.js';
import type { DeviceLinks } from './device-links.js';
import { findAssignment } from './find-assignment.js';
import type { FleetDeployments } from './fleet-deployments.js';
import type { LeaseGate } from './lease-gate.js';

export interface DeployedServiceOptions {
  readonly deployments: FleetDeployments;
  readonly links: DeviceLinks;
  readonly gate: Pick<LeaseGate, 'pass'>;
  readonly segmentOptions: SegmentOptions;
  readonly maxInFlight: number;
  /** Deadline of a request that comes without one. */
  readonly timeoutMs: number;
  readonly log: Log;
}

/** How a request is asked that begins here. */
export interface WholeRequest {
  /** Of the deployment, or of its model; undefined for the only one there is. */
  readonly name: string | undefined;
  readonly inputs: NamedTensors;
  readonly id: string;
  readonly signal: CancelSignal;
}

/** An answer, and how it came about. */
export interface WholeAnswer extends SplitRun {
  readonly deployment: string;
  readonly generation: number;
  /** SHA-256 of the whole model that computed it: a device may be a beat behind or ahead of whoever asks. */
  readonly modelHash: string;
  /** False if the server was gone, so that this may be what it has replaced. */
  readonly leased: boolean;
}

/** While devices change from one deployment to the next, one may be a beat ahead of another. */
const aheadMs = 2_500;
const pollMs = 50;

/** Everything that a device of a fleet does for requests: those that begin here, and its part in those of others. */
export class DeployedService {
  readonly #options: DeployedServiceOptions;
  readonly #runners = new WeakMap<DeployedModel, DeployedRunner>();
  readonly #stages = new WeakMap<DeployedModel, StageService>();
  readonly #counts = { done: 0, failed: 0, underWay: 0 };

  constructor(options: DeployedServiceOptions) {
    this.#options = options;
  }

  /** Requests of this run of the daemon, those of others that it had a part in included. */
  get counts(): { readonly done: number; readonly failed: number; readonly underWay: number } {
    return { ...this.#counts };
  }

  /** What requests can begin here for. */
  get models(): readonly Assignment[] {
    return this.#options.deployments.deployments.filter(({ ladder }) => ladder.length > 0);
  }

  /** @throws CutpointError CUT_NOT_FOUND as `findAssignment`. */
  find(name: string | undefined): Assignment {
    return findAssignment(this.models, name);
  }

  /**
   * What a request of this name is answered by: answers under another must not be given again for it. Waits as `whole` does
   * for a lease, and for what is being made ready here, so that a request that came early is the same as its repetition.
   */
  async meantBy(name: string | undefined, signal: CancelSignal): Promise<readonly (string | null)[]> {
    try {
      await this.#options.gate.pass();
      const { deployment, model } = await this.#findSoon(name, signal);
      return [deployment, model.hash];
    } catch (thrown) {
      if (thrown instanceof CutpointError && thrown.code === 'CUT_NOT_FOUND') return [name ?? null];
      throw thrown;
    }
  }

  /** Makes a model that is loaded quick for its first request: links to others, and a run of it where it is whole here. @throws the signal's reason */
  async warm(model: DeployedModel, assignment: Assignment, signal: CancelSignal): Promise<void> {
    if (assignment.ladder.length === 0) return;
    const { inputs } = concreteInputs(model.source.inputs, new Map());
    await this.#runnerOf(model, assignment).rehearse(randomInputs(inputs), signal);
  }

  /**
   * Answers a request that begins here.
   * @throws CutpointError CUT_NOT_FOUND, and as `DeployedRunner.run`.
   */
  async whole(request: WholeRequest): Promise<WholeAnswer> {
    return await this.#counted(async () => {
      const leased = await this.#options.gate.pass();
      const { deployment } = await this.#findSoon(request.name, request.signal);
      const answer = await this.#wholeUnder(deployment, request);
      return { ...answer, leased };
    });
  }

  /** Runs a segment for another device, and has those behind do the rest. @throws CutpointError as `FleetDeployments.use`. */
  async stage(
    request: StageRequest,
    tensors: NamedTensors,
    options: { readonly signal: CancelSignal; readonly tags: RequestTags },
  ): Promise<{ meta: HopReport; tensors: NamedTensors }> {
    return await this.#counted(() =>
      this.#useStage(options.tags, async (service) => {
        const [next] = options.tags.chain ?? [];
        if (next !== undefined) await this.#options.links.tried(this.#neighbour(next));
        return await service.infer(request, tensors, options);
      }),
    );
  }

  /** Says what a segment is, once it and those behind are ready. */
  async describeStage(request: StageRequest, tags: RequestTags, signal: CancelSignal): Promise<StageDescription> {
    return await this.#useStage(tags, (service) => service.describe(request, signal, tags));
  }

  /** What is being made ready here may be what is meant. */
  async #findSoon(name: string | undefined, signal: CancelSignal): Promise<Assignment> {
    const { deployments } = this.#options;
    const untilMs = performance.now() + aheadMs;
    for (;;) {
      const { active, wanted } = deployments.report;
      if (active === wanted || performance.now() > untilMs || signal.aborted || this.#isHere(name))
        return this.find(name);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  #isHere(name: string | undefined): boolean {
    return this.models.some((one) => isNamed(one, name));
  }

  async #wholeUnder(deployment: string, { inputs, id, signal }: WholeRequest): Promise<Omit<WholeAnswer, 'leased'>> {
    const { deployments } = this.#options;
    const triesUntilMs = performance.now() + aheadMs;
    for (;;) {
      const before = deployments.acting;
      try {
        return await deployments.use(deployment, undefined, async (model, acting, assignment) => {
          const runner = this.#runnerOf(model, assignment);
          const answer = await runner.run(inputs, { signal, tags: { id, generation: acting } });
          return { ...answer, deployment, generation: acting, modelHash: assignment.model.hash };
        });
      } catch (thrown) {
        if (!isStale(thrown) || performance.now() > triesUntilMs || signal.aborted) throw thrown;
        while (deployments.acting === before && performance.now() < triesUntilMs && !signal.aborted)
          await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    }
  }

  async #useStage<T>(tags: RequestTags, work: (service: StageService) => Promise<T>): Promise<T> {
    const { deployment } = tags;
    const { data: named } = generation.safeParse(tags.generation);
    if (deployment === undefined || named === undefined)
      throw new CutpointError('CUT_INPUT', 'The request must say which deployment and generation it belongs to.');
    await this.#options.gate.pass();
    return await this.#options.deployments.use(deployment, named, (model) => work(this.#stageOf(model)));
  }

  #runnerOf(model: DeployedModel, assignment: Assignment): DeployedRunner {
    const known = this.#runners.get(model) ?? new DeployedRunner({ ...this.#options, assignment, model });
    this.#runners.set(model, known);
    return known;
  }

  #stageOf(model: DeployedModel): StageService {
    const { links, segmentOptions } = this.#options;
    const next = (tags: RequestTags) => {
      const [first, ...rest] = tags.chain ?? [];
      return first === undefined
        ? undefined
        : { connection: links.to(this.#neighbour(first)), tags: { ...tags, chain: rest } };
    };
    const { source, stages, codecs } = model;
    const known =
      this.#stages.get(model) ?? new StageService({ source, fixed: undefined, stages, segmentOptions, codecs, next });
    this.#stages.set(model, known);
    return known;
  }

  /** Whoever asks names who is next; links are made to those alone that the server has named as well, so that they have an end. */
  #neighbour(name: string): DeviceId {
    const device = deviceNamed(name);
    if (this.#options.links.knows(device)) return device;
    throw new CutpointError(
      'CUT_UNREACHABLE',
      `The request goes on to ${device}, which has no part in what is deployed here.`,
    );
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    const counts = this.#counts;
    counts.underWay += 1;
    try {
      const answer = await work();
      counts.done += 1;
      return answer;
    } catch (thrown) {
      counts.failed += 1;
      throw thrown;
    } finally {
      counts.underWay -= 1;
    }
  }
}

function isNamed({ deployment, model }: Assignment, name: string | undefined): boolean {
  return name === undefined || name === deployment || name === model.name;
}

function deviceNamed(name: string): DeviceId {
  const parsed = deviceId.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new CutpointError('CUT_INPUT', `The request goes on to "${name}", which is no name of a device.`);
}

function isStale(thrown: unknown): thrown is CutpointError {
  return thrown instanceof CutpointError && thrown.code === 'CUT_STALE';
}
