/** What one half layer costs, in milliseconds. */
export interface HalfTimes {
  /** Reading it from the disk. */
  readonly readMs: number;
  /** Opening it, by the thread that computes. */
  readonly openMs: number;
  /** From when it is open to when the next is wanted: running it, and what ranks tell one another. */
  readonly busyMs: number;
}

/** Tokens after which each is like the one before. */
const tokensToSteady = 4;

/**
 * Time of a token once every token is like the last: one thread reads, in order, whatever does not stay, as long as one of
 * `depth` buffers is free; the other waits for a half layer's bytes, opens it (its buffer is free then), and runs it.
 */
export function steadyTokenMs(times: readonly HalfTimes[], stays: readonly boolean[], depth: number): number {
  const freedMs: number[] = [];
  let readerMs = 0;
  let computeMs = 0;
  let beforeMs = 0;
  for (let token = 0; token < tokensToSteady; token++) {
    beforeMs = computeMs;
    times.forEach(({ readMs, openMs, busyMs }, i) => {
      if (stays[i] === true) {
        computeMs += busyMs;
        return;
      }
      readerMs = Math.max(readerMs, freedMs[freedMs.length - depth] ?? 0) + readMs;
      const openedMs = Math.max(computeMs, readerMs) + openMs;
      freedMs.push(openedMs);
      computeMs = openedMs + busyMs;
    });
  }
  return computeMs - beforeMs;
}
