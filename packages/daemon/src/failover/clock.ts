/** The time, and a way to be called later. Tests hand in one of their own. */
export interface Clock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Calls `act` once, after so many ms; disposing the result prevents it. */
  after(ms: number, act: () => void): Disposable;
}

/** Longer than this `setTimeout` cannot wait; it is 24 days. */
const longestTimerMs = 2 ** 31 - 1;

/** The clock of `performance.now()`. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, act) {
    const timer = setTimeout(act, Math.min(Math.max(0, ms), longestTimerMs));
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
