import type { CancelSignal } from '@cutpoint/core';
import type { CircuitBreaker } from './circuit-breaker.js';
import type { Pace } from './pace.js';

/** What a rung gets beside the request. */
export interface RungOptions {
  /** The same on every rung: whoever has answered it already answers it again without computing. */
  readonly id: string;
  /** Aborts when another rung has answered, and at the deadline, which it tells. */
  readonly signal: CancelSignal;
}

/** One way to answer a request. */
export interface Rung<Request, Answer> {
  /** For people and logs: `ws://gpu:7400, cut 12`. */
  readonly name: string;
  /** Of the link it uses; a rung without one needs no other device. */
  readonly breaker: CircuitBreaker | undefined;
  readonly pace: Pace;
  run(request: Request, options: RungOptions): Promise<Answer>;
}

/**
 * What became of one rung. `slow`: it had not answered when another had, or when its place was needed, though it had
 * had its time; `cancelled`: it had not had its time yet; `left`: its link was not used, as it had failed before.
 */
export interface TriedRung {
  readonly rung: string;
  readonly outcome: 'answered' | 'failed' | 'slow' | 'cancelled' | 'left';
  readonly ms: number;
  /** Why it failed, under its stable code. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

/** An answer, and how it came about. */
export interface Climbed<Answer> {
  readonly answer: Answer;
  /** The name of the rung that gave it. */
  readonly rung: string;
  /** Another rung than the first answered. */
  readonly fallback: boolean;
  /** All that were tried or left, in the order in which that was known. */
  readonly tried: readonly TriedRung[];
}
