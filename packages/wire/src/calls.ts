import { CutpointError, cancelReason, onCancel } from '@cutpoint/core';
import type { EncodedFrame } from './frame-encode.js';
import { maxTimerMs } from './limits.js';
import type { OutgoingRequest, Reply, RequestOptions } from './peer.js';

const minBudgetMs = 0.001;

/** One call of `request`, from the call until the other side has answered. */
export class Call {
  readonly request: OutgoingRequest;
  readonly promise: Promise<Reply>;
  readonly #expiresAt: number | undefined;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #cancellation: Disposable | undefined;
  #resolve!: (reply: Reply) => void; // both are set by the promise's executor, which runs in the constructor
  #reject!: (error: CutpointError) => void;
  settled = false;
  /** Set when the call gets its slot. */
  id = 0;
  frame: EncodedFrame | undefined;
  encodedAt = 0;
  encodeUs = 0;

  /** `giveUp` is called when the caller cancels or the deadline passes, after the promise has been rejected. */
  constructor(request: OutgoingRequest, { signal, deadlineMs }: RequestOptions, giveUp: (call: Call) => void) {
    this.request = request;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A signal that has a deadline needs no second clock here.
    this.#expiresAt = signal?.endsAtMs;
    if (deadlineMs !== undefined) {
      this.#expiresAt = Math.min(this.#expiresAt ?? Number.POSITIVE_INFINITY, performance.now() + deadlineMs);
      this.#timer = setTimeout(
        () => {
          this.reject(
            new CutpointError('CUT_DEADLINE', `No reply to "${request.method}" came within ${deadlineMs} ms.`),
          );
          giveUp(this);
        },
        Math.min(deadlineMs, maxTimerMs),
      );
    }
    if (signal !== undefined) {
      this.#cancellation = onCancel(signal, () => {
        this.reject(cancelReason(signal));
        giveUp(this);
      });
    }
  }

  /** Milliseconds left of the deadline, never less than the least a frame can say; 0 without one. */
  get budgetMs(): number {
    return this.#expiresAt === undefined ? 0 : Math.max(minBudgetMs, this.#expiresAt - performance.now());
  }

  resolve(reply: Reply): void {
    if (!this.#settle()) return;
    this.#resolve(reply);
  }

  reject(error: CutpointError): void {
    if (!this.#settle()) return;
    this.#reject(error);
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.#timer);
    this.#cancellation?.[Symbol.dispose]();
    return true;
  }
}
