/** Browsers and Node have them alike; whose types they are is not this package's business. */
interface Timers {
  setTimeout(act: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** Calls `act` later, unless it is disposed of before. */
export function afterMs(ms: number, act: () => void): Disposable {
  const timers = globalThis as unknown as Timers;
  const timer = timers.setTimeout(act, ms);
  return { [Symbol.dispose]: () => timers.clearTimeout(timer) };
}
