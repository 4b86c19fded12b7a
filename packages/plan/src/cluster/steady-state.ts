/** Times of a half layer, as the conditions of a steady state take them. */
export interface SteadyTimes {
  /** In which the next can be read: opening it, running it, and the all-reduce behind it. */
  readonly busyMs: number;
  /** Reading it; 0 if it stays. */
  readonly readMs: number;
}

/**
 * When half layers are read ahead with one in use and one being read, whether the computing thread ever waits (TPI-LLM, arXiv
 * 2410.00531, equations 4 to 6 and the tight ones, for any half layers and whatever of them stays).
 */
export interface SteadyState {
  /** Equation 4: a token's work takes as long as its reading. Without it no depth helps. */
  readonly enough: boolean;
  /** Equation 5, beginning at an attention: at its end each feed-forward is there. */
  readonly fromAttention: boolean;
  /** Equation 6, beginning at a feed-forward. */
  readonly fromFeedForward: boolean;
  /** Each half layer takes as long as reading the next. */
  readonly tight: boolean;
  /** Nobody waits: the tight conditions, or equation 4 with one of 5 and 6. */
  readonly steady: boolean;
  /** Of a token, in which the computing thread must wait at least. */
  readonly leastWaitMs: number;
}

/** @param halves attention and feed-forward in turns, from the first layer on. */
export function steadyState(halves: readonly SteadyTimes[]): SteadyState {
  const total = (of: keyof SteadyTimes) => halves.reduce((sum, half) => sum + half[of], 0);
  const waitMs = total('readMs') - total('busyMs');
  const enough = waitMs <= 0;
  const fromAttention = covers(halves, 0);
  const fromFeedForward = covers(halves, 1);
  const tight = halves.every(({ busyMs }, i) => busyMs >= at(halves, i + 1).readMs);
  return {
    enough,
    fromAttention,
    fromFeedForward,
    tight,
    steady: tight || (enough && (fromAttention || fromFeedForward)),
    leastWaitMs: Math.max(0, waitMs),
  };
}

/** Whether, from a half layer on that is there, the work so far has covered the reading so far at each second half layer. */
function covers(halves: readonly SteadyTimes[], from: number): boolean {
  let aheadMs = 0;
  for (let done = 0; done < halves.length; done++) {
    aheadMs += at(halves, from + done).busyMs - at(halves, from + done + 1).readMs;
    if (done % 2 === 0 && aheadMs < 0) return false;
  }
  return true;
}

function at(halves: readonly SteadyTimes[], index: number): SteadyTimes {
  return halves[index % halves.length] ?? { busyMs: 0, readMs: 0 };
}

/** The conditions with their numbers, a line each, for people. */
export function explainSteadyState(halves: readonly SteadyTimes[]): string[] {
  const state = steadyState(halves);
  const total = (of: keyof SteadyTimes) => halves.reduce((sum, half) => sum + half[of], 0).toFixed(1);
  const says = (holds: boolean) => (holds ? 'holds' : 'fails');
  const end = state.steady
    ? 'Nobody waits for the disk.'
    : `The disk decides: at least ${state.leastWaitMs.toFixed(1)} ms of each token are waiting for it.`;
  return [
    `work covers reading (Eq 4): ${says(state.enough)}, ${total('busyMs')} ms of work, ${total('readMs')} ms of reading a token`,
    `from an attention on (Eq 5): ${says(state.fromAttention)}`,
    `from a feed-forward on (Eq 6): ${says(state.fromFeedForward)}`,
    `each covers the next (tight): ${says(state.tight)}`,
    state.steady || !state.enough
      ? end
      : 'Work suffices for the reading, but not at every half layer: deeper windows help.',
  ];
}
