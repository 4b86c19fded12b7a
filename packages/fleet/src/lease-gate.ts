/** A device that has just come back gets its lease with its next beat; later than this, there is no server to give one. */
const longestWaitMs = 1_500;
const pollMs = 20;
const tickMs = 250;
/** A process whose timers come so late was stopped meanwhile. */
const stoppedMs = 1_000;

/**
 * Keeps a device that comes back from the dead (stopped, suspended, cut off) from acting on what may have been replaced
 * meanwhile: without a lease, requests wait until it has one again. Where none comes, the server is gone, and the device
 * goes on with what was deployed last: whom it asks refuses what is older than what they know.
 */
export class LeaseGate implements Disposable {
  readonly #isLeased: () => boolean;
  readonly #now: () => number;
  readonly #ticker: NodeJS.Timeout;
  /** Since when there is no lease, in the life of a process that was not stopped. */
  #lostAtMs: number | undefined;
  #tickedAtMs: number;

  constructor(isLeased: () => boolean, now: () => number = () => performance.now()) {
    this.#isLeased = isLeased;
    this.#now = now;
    this.#tickedAtMs = now();
    this.#ticker = setInterval(() => this.#tick(), tickMs);
    this.#ticker.unref();
  }

  /** Resolves true with a lease, false where none has come for so long that the server counts as gone. */
  async pass(): Promise<boolean> {
    for (;;) {
      this.#tick();
      if (this.#lostAtMs === undefined) return true;
      if (this.#now() - this.#lostAtMs >= longestWaitMs) return false;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticker);
  }

  #tick(): void {
    const nowMs = this.#now();
    const wasStopped = nowMs - this.#tickedAtMs > stoppedMs;
    this.#tickedAtMs = nowMs;
    if (this.#isLeased()) this.#lostAtMs = undefined;
    else if (wasStopped) this.#lostAtMs = nowMs;
    else this.#lostAtMs ??= nowMs;
  }
}
