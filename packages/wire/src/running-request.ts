import { CancelSource, CutpointError } from '@cutpoint/core';
import { maxTimerMs } from './limits.js';

/** A request a server works on: its budget of time, and how much memory it holds. It is its handler's signal, too. */
export class RunningRequest extends CancelSource {
  readonly id: number;
  /** When its frame had arrived, on the clock of `performance.now()`. */
  readonly startedAt: number;
  /** When the caller stops waiting; undefined without a deadline. */
  readonly endsAtMs: number | undefined;
  heldBytes = 0;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;

  /** `budgetMs` 0: without a deadline. */
  constructor(id: number, startedAt: number, budgetMs: number) {
    super();
    this.id = id;
    this.startedAt = startedAt;
    this.endsAtMs = budgetMs === 0 ? undefined : startedAt + budgetMs;
    if (budgetMs === 0) return;
    this.#timer = setTimeout(
      () => {
        this.abort(new CutpointError('CUT_DEADLINE', 'The request did not finish before its deadline.'));
      },
      Math.min(budgetMs, maxTimerMs),
    );
  }

  /** The handler is done. */
  finish(): void {
    clearTimeout(this.#timer);
  }
}
