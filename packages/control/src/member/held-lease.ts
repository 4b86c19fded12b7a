import type { Generation, SessionId } from '../ids.js';
import type { Lease } from '../messages.js';

/** No lease is trusted for longer, whatever a server says. */
const longestMs = 60_000;
/** A lease that answers an older beat than this came too late to be of use. */
const rememberedBeats = 64;

/**
 * The lease of one session, on a clock that never goes back. It runs from the moment the beat was sent that it answers,
 * so that however long the answer travelled, it ends here no later than where it was given.
 */
export class HeldLease {
  readonly #session: SessionId;
  readonly #sentAtMs = new Map<number, number>();
  #endsAtMs = Number.NEGATIVE_INFINITY;
  #generation: Generation | undefined;

  constructor(session: SessionId) {
    this.#session = session;
  }

  /** When it ends; in the past if there is none. */
  get endsAtMs(): number {
    return this.#endsAtMs;
  }

  /** The newest generation that any lease has named. */
  get generation(): Generation | undefined {
    return this.#generation;
  }

  /** Nobody knows what happened meanwhile: only a beat that is sent from now on brings a lease. */
  drop(): void {
    this.#sentAtMs.clear();
    this.#endsAtMs = Number.NEGATIVE_INFINITY;
  }

  /** A beat is about to be sent. */
  sent(beat: number, nowMs: number): void {
    this.#sentAtMs.set(beat, nowMs);
    this.#sentAtMs.delete(beat - rememberedBeats);
  }

  /** Takes an answer. False: it is of another session, or answers no beat of ours that is remembered. */
  take({ session, beat, generation, durationMs }: Lease): boolean {
    const sentAtMs = this.#sentAtMs.get(beat);
    if (session !== this.#session || sentAtMs === undefined) return false;
    // Of several servers, one may not know the newest generation yet.
    if (this.#generation === undefined || generation > this.#generation) this.#generation = generation;
    // Nor does one that does not know this device yet take away what another has granted.
    this.#endsAtMs = Math.max(this.#endsAtMs, sentAtMs + Math.min(durationMs, longestMs));
    return true;
  }

  /** True if what was deployed under this generation may be acted on now. */
  allows(generation: Generation, nowMs: number): boolean {
    return nowMs < this.#endsAtMs && this.#generation !== undefined && generation >= this.#generation;
  }
}
