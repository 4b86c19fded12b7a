/** What requests of one size took, in ms. */
export interface PaceEstimate {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

const keptAnswers = 64;
/** So many times what is usual is slow. */
const slowFactor = 4;
/** Nothing that takes less is called slow: a pause of the garbage collector takes as long. */
const leastPatienceMs = 50;
/** Of a few answers the slowest says little about the slowest of a hundred. */
const reserveFactor = 1.5;

/**
 * How long one way of answering takes, by the size of the request. Only answers that came in time count: what is slow
 * must not become usual.
 */
export class Pace {
  /** The latest answers by the power of two of their bytes. */
  readonly #answers = new Map<number, number[]>();
  readonly #estimates = new Map<number, PaceEstimate>();

  add(bytes: number, ms: number): void {
    const size = sizeOf(bytes);
    const answers = this.#answers.get(size) ?? [];
    this.#answers.set(size, answers);
    answers.push(ms);
    if (answers.length > keptAnswers) answers.shift();
    this.#estimates.delete(size);
  }

  /** Undefined where nothing of this size was answered yet. */
  of(bytes: number): PaceEstimate | undefined {
    const size = sizeOf(bytes);
    const known = this.#estimates.get(size);
    const answers = this.#answers.get(size);
    if (known !== undefined || answers === undefined) return known;
    const sorted = [...answers].sort((a, b) => a - b);
    const estimate = { p50Ms: at(sorted, 0.5), p95Ms: at(sorted, 0.95), p99Ms: at(sorted, 0.99) };
    this.#estimates.set(size, estimate);
    return estimate;
  }

  /** After how many ms a request is so much slower than usual that another way should be tried. */
  patienceMs(bytes: number): number | undefined {
    const estimate = this.of(bytes);
    return estimate && Math.max(leastPatienceMs, slowFactor * estimate.p95Ms);
  }

  /** How many ms to leave to a request that must not fail. */
  reserveMs(bytes: number): number | undefined {
    const estimate = this.of(bytes);
    return estimate && reserveFactor * estimate.p99Ms;
  }
}

function sizeOf(bytes: number): number {
  return Math.round(Math.log2(Math.max(1, bytes)));
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
