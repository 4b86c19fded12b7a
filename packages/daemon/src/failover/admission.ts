import { CutpointError } from '@cutpoint/core';
import { type Clock, systemClock } from './clock.js';

export interface AdmissionOptions {
  /** Requests that may be under way, those that wait included. */
  readonly most: number;
  readonly clock?: Pick<Clock, 'now'>;
}

const keptIntervals = 64;
/** Nothing is predicted from fewer. */
const leastIntervals = 8;
/** Of the intervals between answers: optimistic, as to refuse what could be done is worse than to refuse late. */
const quickShare = 0.25;

/**
 * The door before a queue: as many may be inside as are allowed, and whoever would not be answered within its time,
 * judged by how fast answers come out, is refused at once and can go elsewhere.
 */
export class Admission {
  readonly #most: number;
  readonly #clock: Pick<Clock, 'now'>;
  /** Between answers, in ms, while there was work without a pause. */
  readonly #intervals: number[] = [];
  #inside = 0;
  /** When the last answer came, or the first request after a pause. */
  #sinceMs = 0;
  /** The next answer is the first after a pause. */
  #isFirst = true;

  constructor({ most, clock = systemClock }: AdmissionOptions) {
    this.#most = most;
    this.#clock = clock;
  }

  get inside(): number {
    return this.#inside;
  }

  /** When a request that comes now would be answered, from now, in ms; undefined while too little is known. */
  get predictedMs(): number | undefined {
    const intervalMs = this.#intervalMs;
    return intervalMs && (this.#inside + 1) * intervalMs;
  }

  get #intervalMs(): number | undefined {
    if (this.#intervals.length < leastIntervals) return undefined;
    const sorted = [...this.#intervals].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * quickShare)];
  }

  /**
   * Lets work in, or refuses it.
   * @param budgetMs what is left of the request's time; undefined if it waits as long as it takes.
   * @throws CutpointError CUT_OVERLOADED, and what `work` throws.
   */
  async use<T>(work: () => Promise<T>, budgetMs: number | undefined): Promise<T> {
    if (this.#inside >= this.#most)
      throw new CutpointError('CUT_OVERLOADED', `${this.#most} requests are under way already; try again later.`);
    // Whoever finds nobody inside is let in: a measurement that is out of date must be corrected.
    const predictedMs = this.#inside === 0 || budgetMs === undefined ? undefined : this.predictedMs;
    if (predictedMs !== undefined && budgetMs !== undefined && predictedMs > budgetMs) {
      const message = `An answer would take about ${Math.ceil(predictedMs)} ms, as ${this.#inside} requests are under way, and ${Math.floor(budgetMs)} ms are left; try again later.`;
      throw new CutpointError('CUT_OVERLOADED', message);
    }
    if (this.#inside === 0) {
      this.#sinceMs = this.#clock.now();
      this.#isFirst = true;
    }
    this.#inside += 1;
    let answered = false;
    try {
      const result = await work();
      answered = true;
      return result;
    } finally {
      this.#inside -= 1;
      if (answered) this.#measure();
    }
  }

  /**
   * The first answer after a pause took all the way, on which others can be as well: how fast answers follow one another it
   * tells only where it came sooner than they are thought to.
   */
  #measure(): void {
    const nowMs = this.#clock.now();
    const ms = nowMs - this.#sinceMs;
    if (!this.#isFirst || ms < (this.#intervalMs ?? 0)) this.#intervals.push(ms);
    if (this.#intervals.length > keptIntervals) this.#intervals.shift();
    this.#sinceMs = nowMs;
    this.#isFirst = false;
  }
}
