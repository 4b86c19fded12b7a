import { nowUs } from './clock.js';
import { threadTimeUs } from './thread-time.js';

/** Sleeps of this much too long are made up for. More is a stall of the machine, which a slower device would have too. */
const mostOwedUs = 20_000;
/** A thread's processor time is up to date only after it has given the processor up: it sleeps so long for that. */
const yieldMs = 0.05;

/**
 * Makes each run of a worker take `factor` times as long, by sleeping after it: the stage is then as busy, its queue as
 * long and its health the same as on a slower device, while the processor is free for others. What is multiplied is the
 * time in which the thread had a processor, where the system tells it: the emulated device has its processor to itself,
 * even if those that emulate the others compete for this machine's.
 */
export class SlowDown {
  readonly #factor: number;
  readonly #clock = new Int32Array(new SharedArrayBuffer(4));
  #owedUs = 0;
  #threadFromUs: number | undefined;

  constructor(factor: number) {
    this.#factor = factor;
  }

  /** A run begins. */
  begin(): void {
    if (this.#factor > 1) this.#threadFromUs = threadTimeUs();
  }

  /**
   * Takes when the run began and ended, in µs, blocks the thread for the rest and returns when it woke. Where it slept too
   * long, the next sleeps are shorter, by half at most, so that errors do not add up.
   */
  end(fromUs: number, toUs: number): number {
    if (this.#factor === 1) return toUs;
    const extraUs = this.#factor * this.#processorUs(toUs - fromUs) - (toUs - fromUs);
    const sleepUs = Math.max(extraUs / 2, extraUs - this.#owedUs) - (nowUs() - toUs);
    if (sleepUs > 0) Atomics.wait(this.#clock, 0, 0, sleepUs / 1000);
    const endUs = nowUs();
    this.#owedUs = Math.min(mostOwedUs, Math.max(0, this.#owedUs + (endUs - toUs) - extraUs));
    return endUs;
  }

  #processorUs(elapsedUs: number): number {
    if (this.#threadFromUs === undefined) return elapsedUs;
    Atomics.wait(this.#clock, 0, 0, yieldMs);
    const threadUs = threadTimeUs();
    return threadUs === undefined ? elapsedUs : Math.min(elapsedUs, threadUs - this.#threadFromUs);
  }
}
