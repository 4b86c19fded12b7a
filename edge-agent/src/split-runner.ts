import { type CancelSignal, CutpointError, type NamedTensors } from '@cutpoint/core';
import {
  checkStage,
  type ServerConnection,
  type SplitChoice,
  type SplitSource,
  type StageRequest,
  type StageStore,
  stageRequestOf,
} from '@cutpoint/daemon';
import { loadStage, type SegmentOptions, type SplitModel, type Stage } from '@cutpoint/runtime';
import type { Peer } from '@cutpoint/wire';
import { needsServerFor, runSplit, type SplitRun, type SplitRunOptions } from './run-split.js';
import { Slots } from './split-client.js';

export interface SplitRunnerOptions {
  readonly source: SplitSource;
  readonly stages: StageStore;
  readonly segmentOptions: SegmentOptions;
  /** The next device; without one only splits that leave nothing to it can run. */
  readonly server: ServerConnection | undefined;
  readonly maxInFlight: number;
}

/** Runs a model split in any way, changing from request to request; front segments are loaded when they are needed. */
export class SplitRunner {
  readonly #options: SplitRunnerOptions;
  readonly #slots: Slots;
  readonly #requests = new WeakMap<SplitChoice, StageRequest>();

  constructor(options: SplitRunnerOptions) {
    this.#options = options;
    this.#slots = new Slots(options.maxInFlight);
  }

  /** Loads a split's segments here and on the devices behind, so that its first request need not wait for that. */
  async prepare(choice: SplitChoice, signal?: CancelSignal): Promise<void> {
    const model = this.#options.source.splitAt(choice.at);
    const needed = await this.#use(model, choice, async ({ plan }) => needsServerFor(plan, model.outputs));
    if (!needed) return;
    const { url, peer } = this.#next();
    await checkStage(peer(), url, { model, request: this.#requestOf(choice), signal });
  }

  /** Runs the model once. @throws CutpointError CUT_OVERLOADED, CUT_USAGE, and what loading and `runSplit` throw. */
  async run(choice: SplitChoice, inputs: NamedTensors, options: SplitRunOptions): Promise<SplitRun> {
    const model = this.#options.source.splitAt(choice.at);
    return await this.#slots.use(() =>
      this.#use(model, choice, (front) => {
        const server = needsServerFor(front.plan, model.outputs) ? this.#peerOfNext : undefined;
        return runSplit({ front, request: this.#requestOf(choice), outputs: model.outputs, server }, inputs, options);
      }),
    );
  }

  /** One object for each choice, so that it is encoded once. */
  #requestOf(choice: SplitChoice): StageRequest {
    const known = this.#requests.get(choice) ?? stageRequestOf(choice, 1);
    this.#requests.set(choice, known);
    return known;
  }

  readonly #peerOfNext = (): Peer => this.#next().peer();

  #use<T>(model: SplitModel, { at }: SplitChoice, work: (front: Stage) => Promise<T>): Promise<T> {
    const [plan] = model.segments;
    if (plan === undefined) throw new CutpointError('CUT_INTERNAL', 'A split has no first segment.');
    return this.#options.stages.use(`${at[0]}`, () => loadStage(plan, this.#options.segmentOptions), work);
  }

  #next(): ServerConnection {
    if (this.#options.server !== undefined) return this.#options.server;
    throw new CutpointError(
      'CUT_USAGE',
      'The setting server is missing: give --server with the address that `cutpoint serve` shows.',
    );
  }
}
