/** The way between two ranks, as it was measured while nothing else used it. */
export interface PairMeasure {
  /** Of a small message there and back, with the waking of both threads. */
  readonly roundTripMs: number;
  /** One way. */
  readonly bytesPerMs: number;
}

/** Each pair of ranks: `pairs[a][b]` for a < b. */
export interface GroupMeasures {
  readonly ranks: number;
  readonly pairs: readonly (readonly PairMeasure[])[];
}

export function pairOf({ pairs }: GroupMeasures, a: number, b: number): PairMeasure {
  const pair = pairs[Math.min(a, b)]?.[Math.max(a, b)];
  if (pair === undefined) throw new RangeError(`The ranks ${a} and ${b} were not measured.`);
  return pair;
}
