import { randomUUID } from 'node:crypto';
import { type CancelSignal, CutpointError, type NamedTensors } from '@cutpoint/core';
import { Deadline } from '../deadline.js';
import { Admission } from '../failover/admission.js';
import { climb } from '../failover/ladder.js';
import type { Climbed } from '../failover/rung.js';
import type { Log } from '../log.js';
import type { SplitChoice } from '../stage-choice.js';
import { FrontResults } from './front-results.js';
import type { SplitRun, SplitRunOptions } from './run-split.js';
import type { LinkReport, LocalWay, ServerWay, SplitRung } from './ways.js';
import { Ways } from './ways.js';

export interface FailoverOptions {
  /** At least one, unless all can run here; the first is the plan's. */
  readonly servers: readonly ServerWay[];
  readonly local: LocalWay | undefined;
  /** Other splits to try where that of the request fails. */
  readonly others: readonly SplitChoice[];
  readonly maxInFlight: number;
  /** Deadline of a request that comes without one. */
  readonly timeoutMs: number;
  readonly log: Log;
  /** The deployment that this device acts on. */
  readonly generation?: (() => number | undefined) | undefined;
}

/** What became of requests since the start. */
export interface FailoverCounts {
  /** As planned. */
  readonly planned: number;
  /** By another way than planned. */
  readonly fallback: number;
  readonly failed: number;
}

/** Runs of the local model before the first request, to know what it takes; the first of them only warms up. */
const rehearsals = 3;

/** Runs a model by the plan, and where that does not answer in time, by whatever else is left. */
export class FailoverRunner {
  readonly #options: FailoverOptions;
  readonly #ways: Ways;
  readonly #door: Admission;
  readonly #counts = { planned: 0, fallback: 0, failed: 0 };
  /** The rung that the log last spoke of; undefined while all goes as planned. */
  #instead: string | undefined;

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#ways = new Ways(options);
    this.#door = new Admission({ most: options.maxInFlight });
  }

  get counts(): FailoverCounts {
    return { ...this.#counts };
  }

  get links(): readonly LinkReport[] {
    return this.#ways.report();
  }

  /** Whether a request could be answered now. */
  get able(): boolean {
    const { local, servers } = this.#options;
    return local !== undefined || servers.some(({ connection }) => connection.connected);
  }

  /**
   * Loads what a split needs here and at the servers that can be reached.
   * @throws CutpointError if it can run nowhere: why the first server refused.
   */
  async prepare(choice: SplitChoice, signal?: CancelSignal): Promise<void> {
    const { servers, local } = this.#options;
    await local?.runner.prepare(local.choice, signal);
    const prepared = await Promise.allSettled(servers.map(({ runner }) => runner.prepare(choice, signal)));
    if (local !== undefined || prepared.some(({ status }) => status === 'fulfilled')) return;
    const refused = prepared.find((result) => result.status === 'rejected');
    throw refused?.reason ?? new CutpointError('CUT_USAGE', 'There is neither a server nor the whole model here.');
  }

  /** Measures what the whole model takes here, so that the ladder can leave it that time. Throws as `SplitRunner.run`. */
  async rehearse(inputs: NamedTensors): Promise<void> {
    const { local } = this.#options;
    const rung = this.#ways.alone;
    if (local === undefined || rung === undefined) return;
    for (let run = 0; run < rehearsals; run++) {
      const startedAt = performance.now();
      await local.runner.run(local.choice, inputs, {});
      if (run > 0) rung.pace.add(bytesOf(inputs), performance.now() - startedAt);
    }
  }

  /**
   * Runs the model once.
   * @throws CutpointError CUT_OVERLOADED at once if there is too much to do, and as `climb`.
   */
  async run(choice: SplitChoice, inputs: NamedTensors, options: SplitRunOptions): Promise<SplitRun> {
    const rungs = this.#ways.ladder(choice, this.#options.others);
    const budgetMs = Math.min(
      options.deadlineMs ?? this.#options.timeoutMs,
      (options.signal?.endsAtMs ?? Number.POSITIVE_INFINITY) - performance.now(),
    );
    try {
      const climbed = await this.#door.use(
        () => this.#climb(rungs, inputs, { ...options, deadlineMs: budgetMs }),
        budgetMs,
      );
      this.#note(climbed);
      const { answer, rung, fallback, tried } = climbed;
      return { ...answer, route: { by: rung, fallback, tried: [...tried] } };
    } catch (thrown) {
      this.#counts.failed += 1;
      throw thrown;
    }
  }

  async #climb(
    rungs: readonly SplitRung[],
    inputs: NamedTensors,
    { signal, deadlineMs, tags }: SplitRunOptions & { readonly deadlineMs: number },
  ): Promise<Climbed<SplitRun>> {
    using deadline = new Deadline(deadlineMs, signal);
    using _ = { [Symbol.dispose]: () => deadline.abort(new CutpointError('CUT_CANCELLED', 'The request has ended.')) };
    const fronts = new FrontResults(deadline);
    const generation = tags?.generation ?? this.#options.generation?.();
    const id = tags?.id ?? randomUUID();
    const options = { deadlineMs, id, bytes: bytesOf(inputs), signal };
    return await climb(rungs, { inputs, fronts, generation }, options);
  }

  /** Counts, and says in the log when the way changes: not for each request, which would fill it. */
  #note({ rung, fallback, tried }: Climbed<SplitRun>): void {
    this.#counts[fallback ? 'fallback' : 'planned'] += 1;
    const instead = fallback ? rung : undefined;
    if (instead === this.#instead) return;
    this.#instead = instead;
    const { log } = this.#options;
    if (instead === undefined) log.info({ by: rung, ...this.#counts }, 'requests are answered as planned again');
    else
      log.warn(
        { by: rung, tried: tried.map((one) => `${one.rung}: ${one.code ?? one.outcome}`).join('; ') },
        'fallback',
      );
  }
}

function bytesOf(tensors: NamedTensors): number {
  let bytes = 0;
  for (const { data } of tensors.values()) bytes += data.byteLength;
  return bytes;
}
