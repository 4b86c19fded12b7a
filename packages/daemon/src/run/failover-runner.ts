import { type CancelSignal, CutpointError, type NamedTensors } from '@cutpoint/core';
import type { Log } from '../log.js';
import type { SplitChoice } from '../stage-choice.js';
import { bytesOf, Climber, type FailoverCounts } from './climber.js';
import type { SplitRun, SplitRunOptions } from './run-split.js';
import type { LinkReport, LocalWay, ServerWay } from './ways.js';
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

/** Runs of the local model before the first request, to know what it takes; the first of them only warms up. */
const rehearsals = 3;

/** Runs a model by the plan, and where that does not answer in time, by whatever else is left. */
export class FailoverRunner {
  readonly #options: FailoverOptions;
  readonly #ways: Ways;
  readonly #climber: Climber;

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#ways = new Ways(options);
    this.#climber = new Climber(options);
  }

  get counts(): FailoverCounts {
    return this.#climber.counts;
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
    const generation = options.tags?.generation ?? this.#options.generation?.();
    const tags = generation === undefined ? options.tags : { ...options.tags, generation };
    const rungs = this.#ways.ladder(choice, this.#options.others);
    return await this.#climber.run(rungs, inputs, tags === undefined ? options : { ...options, tags });
  }
}
