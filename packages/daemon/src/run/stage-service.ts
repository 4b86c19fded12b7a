import { type CancelSignal, CutpointError, type NamedTensors } from '@cutpoint/core';
import { loadStage, type SegmentOptions, type SplitModel, type Stage, type StageResult } from '@cutpoint/runtime';
import { checkStage } from '../connect-stage.js';
import type { CutCodecs } from '../cut-codecs.js';
import { Admission } from '../failover/admission.js';
import { type HopReport, stageTimesOf } from '../hop-times.js';
import type { ServerConnection } from '../keep-connected.js';
import { askNext, mergeOutputs, receive } from '../next-stage.js';
import type { RequestTags } from '../request-tags.js';
import type { SplitSource } from '../split-source.js';
import { type StageRequest, stageRequestOf } from '../stage-choice.js';
import { describeStage, type StageDescription } from '../stage-description.js';
import { type StageStore, stageKey } from '../stage-store.js';

export interface StageServiceOptions {
  readonly source: SplitSource;
  /** What to describe to those who do not ask for anything in particular. */
  readonly fixed: StageRequest | undefined;
  readonly stages: StageStore;
  readonly segmentOptions: SegmentOptions;
  readonly codecs: CutCodecs;
  /** The next device of a request's chain, for splits with more segments than this server's. */
  readonly next: (tags: RequestTags) => NextDevice | undefined;
}

/** Who does the rest of a request, and what it is told beside that. */
export interface NextDevice {
  readonly connection: ServerConnection;
  readonly tags: RequestTags;
}

/** Runs the segments behind the first cut, each loaded when it is first asked for. */
export class StageService {
  readonly #options: StageServiceOptions;
  readonly #rests = new WeakMap<StageRequest, StageRequest>();
  /** How fast answers come, for each kind of request. What waits is bounded by the segments' own queues. */
  readonly #doors = new WeakMap<StageRequest, Admission>();

  constructor(options: StageServiceOptions) {
    this.#options = options;
  }

  get modelHash(): string {
    return this.#options.source.modelHash;
  }

  /** What the server was started for; undefined if that is any cut. */
  get fixed(): StageRequest | undefined {
    return this.#options.fixed;
  }

  /**
   * Loads the segment, and the next device's behind it, and says what they are.
   * @throws CutpointError CUT_CODEC_TABLE if tensors cannot cross the cuts on both sides; what loading throws.
   */
  async describe(request: StageRequest, signal: CancelSignal, tags: RequestTags = {}): Promise<StageDescription> {
    const model = this.#options.source.splitAt(request.at);
    this.#options.codecs.check(model, request.codecs, [request.segment - 1, request.segment]);
    await this.#use(model, request, async () => undefined);
    if (request.segment < request.at.length) {
      const next = this.#next(request, tags);
      const { connection } = next;
      const rest = this.#rest(request);
      await checkStage(connection.peer(), connection.url, { model, request: rest, tags: next.tags, signal });
    }
    return describeStage(model, request);
  }

  /**
   * Runs the segment on what crossed the cut before it, and has the next device do the rest.
   * @throws CutpointError CUT_OVERLOADED at once if there is so much to do that it would come too late.
   */
  async infer(
    request: StageRequest,
    tensors: NamedTensors,
    { signal, tags }: { readonly signal: CancelSignal; readonly tags: RequestTags },
  ): Promise<{ meta: HopReport; tensors: NamedTensors }> {
    const budgetMs = signal.endsAtMs === undefined ? undefined : signal.endsAtMs - performance.now();
    return await this.#doorOf(request).use(() => this.#run(request, tensors, signal, tags), budgetMs);
  }

  async #run(
    request: StageRequest,
    tensors: NamedTensors,
    signal: CancelSignal,
    tags: RequestTags,
  ): Promise<{ meta: HopReport; tensors: NamedTensors }> {
    const arrivedAt = performance.now();
    const model = this.#options.source.splitAt(request.at);
    const cut = model.cuts[request.segment - 1];
    if (cut === undefined) throw new CutpointError('CUT_INTERNAL', 'A segment behind a cut has no cut before it.');
    const { codecs } = this.#options;
    const received = receive(request, cut, tensors, codecs);
    const codecMs = performance.now() - arrivedAt;
    const { result, totalMs } = await this.#use(model, request, (stage) => timed(stage, received, signal));
    const own = stageTimesOf(result.timing, totalMs);
    if (request.segment === request.at.length) {
      return { meta: { times: { stages: [own], links: [] }, codecMs }, tensors: result.answers };
    }
    const next = this.#next(request, tags);
    const behind = { codecs, signal, tags: next.tags };
    const answer = await askNext(next.connection.peer(), this.#rest(request), result.sends, behind);
    const names = [...result.answers.keys(), ...answer.tensors.keys()];
    const { stages, links } = answer.times;
    const times = { stages: [own, ...stages], links };
    return { meta: { times, codecMs }, tensors: mergeOutputs(names, result.answers, answer.tensors) };
  }

  #use<T>(model: SplitModel, { at, segment }: StageRequest, work: (stage: Stage) => Promise<T>): Promise<T> {
    const plan = model.segments[segment];
    if (plan === undefined) throw new CutpointError('CUT_INTERNAL', `The split has no segment ${segment}.`);
    const key = stageKey(at, segment);
    return this.#options.stages.use(key, () => loadStage(plan, this.#options.segmentOptions), work);
  }

  #doorOf(request: StageRequest): Admission {
    const door = this.#doors.get(request) ?? new Admission({ most: Number.POSITIVE_INFINITY });
    this.#doors.set(request, door);
    return door;
  }

  /** What the next device is asked for; one object for each request, so that it is encoded once. */
  #rest(request: StageRequest): StageRequest {
    const known = this.#rests.get(request) ?? stageRequestOf(request, request.segment + 1);
    this.#rests.set(request, known);
    return known;
  }

  #next({ at, segment }: StageRequest, tags: RequestTags): NextDevice {
    const next = this.#options.next(tags);
    if (next !== undefined) return next;
    const message = `The split has ${at.length - segment} more segments, but this server has no next device: start it with --next.`;
    throw new CutpointError('CUT_USAGE', message);
  }
}

async function timed(
  stage: Stage,
  tensors: NamedTensors,
  signal: CancelSignal,
): Promise<{ result: StageResult; totalMs: number }> {
  const startedAt = performance.now();
  const result = await stage.run(tensors, { signal, transfer: true });
  return { result, totalMs: performance.now() - startedAt };
}
