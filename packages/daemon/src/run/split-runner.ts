import { tableNamed } from '@cutpoint/codec';
import { type CancelSignal, CutpointError, type NamedTensors } from '@cutpoint/core';
import { loadStage, type SegmentOptions, type SplitModel, type Stage } from '@cutpoint/runtime';
import type { Peer } from '@cutpoint/wire';
import { checkStage } from '../connect-stage.js';
import type { CutCodecs } from '../cut-codecs.js';
import { Admission } from '../failover/admission.js';
import type { ServerConnection } from '../keep-connected.js';
import type { RequestTags } from '../request-tags.js';
import type { SplitSource } from '../split-source.js';
import { type SplitChoice, type StageRequest, stageRequestOf } from '../stage-choice.js';
import { type StageStore, stageKey } from '../stage-store.js';
import { needsServerFor, runSplit, type SplitRun, type SplitRunOptions } from './run-split.js';

export interface SplitRunnerOptions {
  readonly source: SplitSource;
  readonly stages: StageStore;
  readonly segmentOptions: SegmentOptions;
  readonly codecs: CutCodecs;
  /** The next device; without one only splits that leave nothing to it can run. */
  readonly server: ServerConnection | undefined;
  readonly maxInFlight: number;
}

/** Runs a model split in any way, changing from request to request; front segments are loaded when they are needed. */
export class SplitRunner {
  readonly #options: SplitRunnerOptions;
  readonly #door: Admission;
  readonly #requests = new WeakMap<SplitChoice, StageRequest>();
  /** The choices that a connection's other side has said it can take. */
  readonly #agreed = new WeakMap<Peer, WeakSet<SplitChoice>>();

  constructor(options: SplitRunnerOptions) {
    this.#options = options;
    this.#door = new Admission({ most: options.maxInFlight });
  }

  /** Loads a split's segments here and on the devices behind, so that its first request need not wait for that. */
  async prepare(choice: SplitChoice, signal?: CancelSignal): Promise<void> {
    const model = this.#options.source.splitAt(choice.at);
    const needed = await this.#use(model, choice, async ({ plan }) => needsServerFor(plan, model.outputs));
    if (needed) await this.#agree(model, choice, this.#peerOfNext(), { signal });
  }

  /** Runs the model once. @throws CutpointError CUT_OVERLOADED, CUT_USAGE, and what loading and `runSplit` throw. */
  async run(choice: SplitChoice, inputs: NamedTensors, options: SplitRunOptions): Promise<SplitRun> {
    const model = this.#options.source.splitAt(choice.at);
    const endsAtMs = options.signal?.endsAtMs;
    const budgetMs = options.deadlineMs ?? (endsAtMs === undefined ? undefined : endsAtMs - performance.now());
    const work = () =>
      this.#use(model, choice, (front) => {
        const server = needsServerFor(front.plan, model.outputs) ? this.#peerOfNext : undefined;
        const { codecs } = this.#options;
        const agree = async (peer: Peer, signal: CancelSignal | undefined) => {
          const known = !needsTables(choice) || this.#agreed.get(peer)?.has(choice) === true;
          if (!known) await this.#agree(model, choice, peer, { signal, tags: options.tags });
        };
        const parts = { front, request: this.#requestOf(choice), outputs: model.outputs, codecs, agree, server };
        return runSplit(parts, inputs, options);
      });
    return await this.#door.use(work, budgetMs);
  }

  /** Makes sure that this device and those behind can do their parts. @throws CutpointError CUT_CODEC_TABLE and as `checkStage`. */
  async #agree(
    model: SplitModel,
    choice: SplitChoice,
    peer: Peer,
    { signal, tags }: { signal: CancelSignal | undefined; tags?: RequestTags | undefined },
  ): Promise<void> {
    this.#options.codecs.check(model, choice.codecs, [0]);
    await checkStage(peer, this.#next().url, { model, request: this.#requestOf(choice), tags, signal });
    const agreed = this.#agreed.get(peer) ?? new WeakSet();
    this.#agreed.set(peer, agreed.add(choice));
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
    return this.#options.stages.use(stageKey(at, 0), () => loadStage(plan, this.#options.segmentOptions), work);
  }

  #next(): ServerConnection {
    if (this.#options.server !== undefined) return this.#options.server;
    throw new CutpointError(
      'CUT_USAGE',
      'The setting server is missing: give --server with the address that `cutpoint serve` shows.',
    );
  }
}

/** Which tables others hold cannot be told from a request alone. */
function needsTables({ codecs }: SplitChoice): boolean {
  return codecs.some((spec) => tableNamed(spec) !== undefined);
}
