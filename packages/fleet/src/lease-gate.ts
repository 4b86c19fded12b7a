/** A device that has just come back gets its lease with its next beat; later than this, there is no server to give one. */
const longestWaitMs = 1_500;
const pollMs = 20;
const tickMs = 250;
/** A process whose timers come so late was stopped meanwhile. */
const stoppedMs = 1_000;

/**
 * Keeps a device that comes back from the dead (started, stopped, suspended) from acting on what may have been replaced
 * meanwhile: without a lease, requests wait until it has one again. Where none comes, the server is gone, and the device
 * goes on with what was deployed last: whom it asks refuses what is older than what they know. A device that was awake
 * while its lease ran out has waited for that long already, so its requests go on at once.
 */
export class LeaseGate implements Disposable {
  readonly #isLeased: () => boolean;
  readonly #now: () => number;
  readonly #ticker: NodeJS.Timeout;
  /** Since when the process runs without having been stopped. */
  #awakeSinceMs: number;
  #tickedAtMs: number;

  constructor(isLeased: () => boolean, now: () => number = () => performance.now()) {
    this.#isLeased = isLeased;
    this.#now = now;
    this.#awakeSinceMs = now();
    this.#tickedAtMs = this.#awakeSinceMs;
    this.#ticker = setInterval(() => this.#tick(), tickMs);
    this.#ticker.unref();
  }

  /** Resolves true with a lease, false where the server counts as gone. */
  async pass(): Promise<boolean> {
    for (;;) {
      this.#tick();
      if (this.#isLeased()) return true;
      if (this.#now() - this.#awakeSinceMs >= longestWaitMs) return false;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticker);
  }

  #tick(): void {
    const nowMs = this.#now();
    if (nowMs - this.#tickedAtMs > stoppedMs) this.#awakeSinceMs = nowMs;
    this.#tickedAtMs = nowMs;
  }
}
