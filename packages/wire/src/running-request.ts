import { CutpointError } from '@cutpoint/core';
import { maxTimerMs } from './limits.js';

/** A request a server works on: its budget of time, and how much memory it holds. */
export class RunningRequest {
  readonly id: number;
  /** When its frame had arrived, on the clock of `performance.now()`. */
  readonly startedAt: number;
  heldBytes = 0;
  readonly #timer: NodeJS.Timeout | undefined;
  #controller: AbortController | undefined;
  #reason: CutpointError | undefined;

  /** `budgetMs` 0: without a deadline. */
  constructor(id: number, startedAt: number, budgetMs: number) {
    this.id = id;
    this.startedAt = startedAt;
    if (budgetMs === 0) return;
    this.#timer = setTimeout(
      () => {
        this.abort(new CutpointError('CUT_DEADLINE', 'The request did not finish before its deadline.'));
      },
      Math.min(budgetMs, maxTimerMs),
    );
  }

  /** Made on demand: handlers of small requests seldom ask for it, and it costs as much as the rest of the request. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** Why the answer is not wanted any more. */
  get abortReason(): CutpointError | undefined {
    return this.#reason;
  }

  abort(reason: CutpointError): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }

  /** The handler is done. */
  finish(): void {
    clearTimeout(this.#timer);
  }
}
