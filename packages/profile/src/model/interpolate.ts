/** A measured cut: the work before or behind it as it is estimated, and what it was measured to take. */
export interface Place {
  readonly at: number;
  readonly cut: number;
  readonly ms: number;
}

/**
 * What lies before or behind a cut between two measured ones: the measured difference, divided in proportion to the work.
 * @param places those measured, from the least work to the most; `rises` if their cuts rise as well
 */
export function divided(places: readonly Place[], cut: number, at: number, rises: boolean): number {
  const next = places.findIndex((place) => (rises ? place.cut >= cut : place.cut <= cut));
  const [low, high] = [places[Math.max(0, next - 1)], places[next]];
  if (low === undefined || high === undefined) return 0;
  if (high.cut === cut) return high.ms;
  const span = high.at - low.at;
  const share = span > 0 ? (at - low.at) / span : (cut - low.cut) / (high.cut - low.cut);
  return low.ms + (high.ms - low.ms) * Math.min(1, Math.max(0, share));
}
