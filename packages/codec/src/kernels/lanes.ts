/** Symbols are coded in so many runs of neighbours, a symbol of each in turn, so that one's arithmetic hides behind the others'. */
export const laneCount = 4;

/** Symbols in each lane. */
export function laneLength(count: number): number {
  return count >>> 2;
}

/** How many symbols are in no lane: the last ones, three at most. */
export function restCount(count: number): number {
  return count % laneCount;
}
