import type { DirectionParameters, Trace } from './link-parameters.js';

/** What one segment of TCP carries on Ethernet. */
const segmentBytes = 1460;
/** Linux never waits less before it sends a segment again. */
export const linuxRetransmitMs = 200;

/** When chunks of bytes that enter one direction of a link come out at its other end. Pure but for the random numbers. */
export interface Direction {
  /** The moment when the last of these bytes, which arrive now, leaves the link. Never before that of earlier ones. */
  schedule(nowMs: number, bytes: number): number;
  /** Milliseconds until the line is free again. */
  backlogMs(nowMs: number): number;
  /** The parameters at a moment, the trace included. */
  at(nowMs: number): DirectionParameters;
  set(parameters: DirectionParameters): void;
}

export interface DirectionOptions {
  readonly random: () => number;
  readonly roundTripMs: () => number;
  readonly trace?: Trace | undefined;
  readonly retransmitMs?: number | undefined;
}

/**
 * A line that sends one chunk after the other at its rate, then carries it for its delay, jitter and loss:
 * a lost segment comes after `max(retransmitMs, 2 * round trip)`, and with it all that was sent behind it, as TCP hands bytes
 * on in order. `random` gives numbers from 0 to below 1.
 */
export function createDirection(
  first: DirectionParameters,
  { random, roundTripMs, trace, retransmitMs = linuxRetransmitMs }: DirectionOptions,
): Direction {
  let parameters = first;
  let freeAtMs = 0;
  let lastDueMs = 0;
  let startedMs: number | undefined;
  const at = (nowMs: number): DirectionParameters => {
    startedMs ??= nowMs;
    return trace === undefined ? parameters : { ...parameters, ...traceAt(trace, (nowMs - startedMs) / 1000) };
  };
  return {
    at,
    schedule(nowMs, bytes) {
      const beginMs = Math.max(nowMs, freeAtMs);
      const { rateMbit, delayMs, jitterMs, lossPct } = at(beginMs);
      freeAtMs = beginMs + bytes / (rateMbit * 125);
      const drawnMs = Math.max(0, delayMs + jitterMs * (2 * random() - 1));
      const again = lossPct > 0 && random() > (1 - lossPct / 100) ** Math.ceil(bytes / segmentBytes);
      const lossMs = again ? Math.max(retransmitMs, 2 * roundTripMs()) : 0;
      lastDueMs = Math.max(lastDueMs, freeAtMs + drawnMs + lossMs);
      return lastDueMs;
    },
    backlogMs: (nowMs) => Math.max(0, freeAtMs - nowMs),
    set(next) {
      parameters = next;
    },
  };
}

/** The figures of the trace that hold at this time; found by bisection. */
function traceAt({ points, periodS }: Trace, seconds: number): Partial<DirectionParameters> {
  const inPeriod = seconds % periodS;
  let low = 0;
  let high = points.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.seconds ?? 0) <= inPeriod) low = middle;
    else high = middle;
  }
  const { seconds: _, ...figures } = points[low] ?? { seconds: 0 };
  return figures;
}

/** Random numbers that a seed repeats: mulberry32 by Tommy Ettinger, public domain. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
