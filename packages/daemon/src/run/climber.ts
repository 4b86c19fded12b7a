import { randomUUID } from 'node:crypto';
import { CutpointError, type NamedTensors } from '@cutpoint/core';
import { Deadline } from '../deadline.js';
import { Admission } from '../failover/admission.js';
import { HedgeBudget } from '../failover/hedge-budget.js';
import { climb } from '../failover/ladder.js';
import type { Climbed } from '../failover/rung.js';
import type { Log } from '../log.js';
import { FrontResults } from './front-results.js';
import type { SplitRun, SplitRunOptions } from './run-split.js';
import type { SplitRung } from './ways.js';

export interface ClimberOptions {
  readonly maxInFlight: number;
  /** Deadline of a request that comes without one. */
  readonly timeoutMs: number;
  readonly log: Log;
}

/** What became of requests since the start. */
export interface FailoverCounts {
  /** As planned. */
  readonly planned: number;
  /** By another way than planned. */
  readonly fallback: number;
  readonly failed: number;
}

/** Takes requests up ladders, so many at a time, and counts by which way they were answered. */
export class Climber {
  readonly #options: ClimberOptions;
  readonly #door: Admission;
  readonly #hedges = new HedgeBudget();
  readonly #counts = { planned: 0, fallback: 0, failed: 0 };
  /** The rung that the log last spoke of; undefined while all goes as planned. */
  #instead: string | undefined;

  constructor(options: ClimberOptions) {
    this.#options = options;
    this.#door = new Admission({ most: options.maxInFlight });
  }

  get counts(): FailoverCounts {
    return { ...this.#counts };
  }

  /** Requests that are under way. */
  get underWay(): number {
    return this.#door.inside;
  }

  /**
   * Runs a model once, by the first rung that answers in time.
   * @throws CutpointError CUT_OVERLOADED at once if there is too much to do, and as `climb`.
   */
  async run(rungs: readonly SplitRung[], inputs: NamedTensors, options: SplitRunOptions): Promise<SplitRun> {
    const budgetMs = Math.min(
      options.deadlineMs ?? this.#options.timeoutMs,
      (options.signal?.endsAtMs ?? Number.POSITIVE_INFINITY) - performance.now(),
    );
    try {
      const climbed = await this.#door.use(
        () => climbOnce(rungs, inputs, { ...options, deadlineMs: budgetMs, hedges: this.#hedges }),
        budgetMs,
      );
      this.#note(climbed);
      const { answer, rung, fallback, tried } = climbed;
      return { ...answer, route: { by: rung, fallback, tried: [...tried], ...answer.asked } };
    } catch (thrown) {
      this.#counts.failed += 1;
      throw thrown;
    }
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

async function climbOnce(
  rungs: readonly SplitRung[],
  inputs: NamedTensors,
  { signal, deadlineMs, tags, hedges }: SplitRunOptions & { readonly deadlineMs: number; readonly hedges: HedgeBudget },
): Promise<Climbed<SplitRun>> {
  using deadline = new Deadline(deadlineMs, signal);
  using _ = { [Symbol.dispose]: () => deadline.abort(new CutpointError('CUT_CANCELLED', 'The request has ended.')) };
  const fronts = new FrontResults(deadline);
  const id = tags?.id ?? randomUUID();
  const options = { deadlineMs, id, bytes: bytesOf(inputs), signal, hedges };
  return await climb(rungs, { inputs, fronts, generation: tags?.generation }, options);
}

/** What all tensors take together. */
export function bytesOf(tensors: NamedTensors): number {
  let bytes = 0;
  for (const { data } of tensors.values()) bytes += data.byteLength;
  return bytes;
}
