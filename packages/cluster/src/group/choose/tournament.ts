/**
 * Whom a rank meets in a round, so that over as many rounds as there are ranks each meets every other once, and in a round
 * nobody meets two. Undefined: nobody. The circle method, with an absent rank that makes their number even.
 */
export function partnerOf(rank: number, round: number, ranks: number): number | undefined {
  const turning = ranks % 2 === 0 ? ranks - 1 : ranks;
  if (round >= turning) return undefined;
  const still = turning;
  const opposite = (each: number) => (2 * turning + round - each) % turning;
  const atRest = Array.from({ length: turning }, (_, each) => each).find((each) => opposite(each) === each);
  const partner = rank === still ? atRest : rank === atRest ? still : opposite(rank);
  return partner === undefined || partner >= ranks ? undefined : partner;
}
