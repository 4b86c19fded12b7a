import type { StatedLink } from '../scenarios/stated-scenario.js';

/** One direction of a link. */
export interface DirectionParameters {
  readonly rateMbit: number;
  /** One way. */
  readonly delayMs: number;
  /** The delay of each chunk is drawn evenly from `delayMs - jitterMs` to `delayMs + jitterMs`, as `tc netem` does. */
  readonly jitterMs: number;
  /** Chance that a segment of 1,460 bytes must be sent again. */
  readonly lossPct: number;
}

/** A moment of a trace; it holds until the next. */
export interface TracePoint {
  readonly seconds: number;
  readonly rateMbit: number;
  readonly delayMs?: number;
  readonly lossPct?: number;
}

/** A trace, replayed in a loop in both directions. */
export interface Trace {
  readonly points: readonly TracePoint[];
  /** After which it begins anew. */
  readonly periodS: number;
}

export interface LinkParameters {
  /** From the device that comes first in the chain to the other. */
  readonly up: DirectionParameters;
  readonly down: DirectionParameters;
  /** How long TCP waits at least before it sends a segment again. Default: as Linux. */
  readonly retransmitMs?: number | undefined;
}

/** The figures of a scenario's link for both directions. */
export function linkParametersOf(link: StatedLink): LinkParameters {
  const both = { rateMbit: link.rateMbit, delayMs: link.delayMs, jitterMs: link.jitterMs, lossPct: link.lossPct };
  return { up: overridden(both, link.up), down: overridden(both, link.down), retransmitMs: link.retransmitMs };
}

function overridden(both: DirectionParameters, own: StatedLink['up'] = {}): DirectionParameters {
  return {
    rateMbit: own.rateMbit ?? both.rateMbit,
    delayMs: own.delayMs ?? both.delayMs,
    jitterMs: own.jitterMs ?? both.jitterMs,
    lossPct: own.lossPct ?? both.lossPct,
  };
}
