import { type CancelSignal, CutpointError, cancelReason, onCancel, throwIfCancelled } from '@cutpoint/core';

export interface AnsweredOptions<Answer> {
  /** How long an answer is kept for those who ask again, in ms. */
  readonly windowMs: number;
  /** Most answers that are kept; the oldest goes first. */
  readonly maxAnswers: number;
  /** Most bytes that all kept answers may take; one that is larger by itself is not kept. */
  readonly maxBytes: number;
  /** Most requests under way at a time. */
  readonly maxUnderWay: number;
  /** What an answer takes. */
  readonly bytesOf: (answer: Answer) => number;
  /** A clock that never goes back, in ms. */
  readonly nowMs?: () => number;
}

/** What makes a request the same as an earlier one. */
export interface RequestKey {
  /** Whose request, and the id that they gave it. */
  readonly key: string;
  /** A hash of what is asked: under one key it must not change. */
  readonly fingerprint: string;
}

interface UnderWay<Answer> {
  readonly fingerprint: string;
  readonly answer: Promise<Answer>;
}

interface Answered<Answer> {
  readonly fingerprint: string;
  readonly answer: Answer;
  readonly bytes: number;
  readonly endsAtMs: number;
}

/**
 * Makes retries safe: requests with the same key get the same answer, which is computed once, whether they come while it
 * is under way or within a window after it. Failures are not kept: whoever asks again after one has it computed again.
 */
export class AnsweredRequests<Answer> {
  readonly #options: AnsweredOptions<Answer>;
  readonly #nowMs: () => number;
  readonly #underWay = new Map<string, UnderWay<Answer>>();
  /** The oldest first. */
  readonly #answered = new Map<string, Answered<Answer>>();
  #bytes = 0;

  constructor(options: AnsweredOptions<Answer>) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** What is held now: for metrics and tests. */
  get held(): { readonly underWay: number; readonly answers: number; readonly bytes: number } {
    return { underWay: this.#underWay.size, answers: this.#answered.size, bytes: this.#bytes };
  }

  /**
   * The answer to a request, from `compute` unless it is known or under way. `signal` ends the waiting and not the
   * computation, since whoever gave up may ask again; `compute` must have a deadline of its own.
   * @throws CutpointError CUT_CONFLICT if the key stands for another request, CUT_OVERLOADED if too many are under way,
   * the signal's reason, and what `compute` throws.
   */
  async ask({ key, fingerprint }: RequestKey, compute: () => Promise<Answer>, signal?: CancelSignal): Promise<Answer> {
    for (;;) {
      throwIfCancelled(signal);
      const known = this.#recall(key) ?? this.#underWay.get(key);
      if (known !== undefined && known.fingerprint !== fingerprint) throw conflict();
      const { answer } = known ?? this.#start(key, fingerprint, compute);
      try {
        return await orCancelled(answer, signal);
      } catch (thrown) {
        // Whoever began it gave it less time than is left here.
        const again = known !== undefined && signal?.aborted !== true && endedEarly(thrown);
        if (!again) throw thrown;
      }
    }
  }

  #start(key: string, fingerprint: string, compute: () => Promise<Answer>): UnderWay<Answer> {
    if (this.#underWay.size >= this.#options.maxUnderWay) {
      const message = `${this.#underWay.size} requests with an id are under way already: try again later.`;
      throw new CutpointError('CUT_OVERLOADED', message);
    }
    const answer = compute().then(
      (computed) => {
        this.#underWay.delete(key);
        this.#keep(key, fingerprint, computed);
        return computed;
      },
      (thrown: unknown) => {
        this.#underWay.delete(key);
        throw thrown;
      },
    );
    answer.catch(() => undefined); // those who wait hear of it; nobody may be left
    const entry = { fingerprint, answer };
    this.#underWay.set(key, entry);
    return entry;
  }

  #recall(key: string): UnderWay<Answer> | undefined {
    this.#forgetOld();
    const found = this.#answered.get(key);
    return found === undefined ? undefined : { fingerprint: found.fingerprint, answer: Promise.resolve(found.answer) };
  }

  #keep(key: string, fingerprint: string, answer: Answer): void {
    const { bytesOf, maxBytes, maxAnswers, windowMs } = this.#options;
    const bytes = bytesOf(answer);
    if (bytes > maxBytes) return;
    this.#answered.set(key, { fingerprint, answer, bytes, endsAtMs: this.#nowMs() + windowMs });
    this.#bytes += bytes;
    this.#forgetOld();
    for (const oldest of this.#answered.keys()) {
      if (this.#bytes <= maxBytes && this.#answered.size <= maxAnswers) break;
      this.#forget(oldest);
    }
  }

  #forgetOld(): void {
    const now = this.#nowMs();
    for (const [key, { endsAtMs }] of this.#answered) {
      if (endsAtMs > now) break;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#answered.get(key)?.bytes ?? 0;
    this.#answered.delete(key);
  }
}

function conflict(): CutpointError {
  const message = 'The id was used for another request a short time ago: give every request an id of its own.';
  return new CutpointError('CUT_CONFLICT', message);
}

function endedEarly(thrown: unknown): boolean {
  return thrown instanceof CutpointError && (thrown.code === 'CUT_DEADLINE' || thrown.code === 'CUT_CANCELLED');
}

function orCancelled<T>(work: Promise<T>, signal: CancelSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const cancellation = onCancel(signal, () => reject(cancelReason(signal)));
    work.then(resolve, reject).finally(() => cancellation[Symbol.dispose]());
  });
}
