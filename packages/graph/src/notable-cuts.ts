import type { Cut } from './cuts.js';

/** The weights are divided into so many equal parts, and one cut in each is notable. */
const parts = 8;

/**
 * The cuts that show what there is to choose from, in order: both ends, the one that the most bytes cross, and for each
 * eighth of the weights on the agent the one that the fewest bytes cross (the first of equals).
 */
export function notableCuts(cuts: readonly Cut[]): Cut[] {
  const inner = cuts.slice(1, -1);
  const total = cuts.at(-1)?.frontWeightBytes ?? 0;
  const partOf = (cut: Cut) =>
    total === 0 ? 0 : Math.min(parts - 1, Math.floor((cut.frontWeightBytes / total) * parts));
  const byPart = Array.from({ length: parts }, (_, part) => inner.filter((cut) => partOf(cut) === part));
  const most = [...inner].sort((a, b) => b.bytes - a.bytes)[0];
  const notable = new Set([cuts[0], cuts.at(-1), most, ...byPart.map((part) => fewestBytes(part))]);
  return cuts.filter((cut) => notable.has(cut));
}

/** The first of the cuts that the fewest bytes cross. */
export function fewestBytes<C extends Pick<Cut, 'bytes'>>(cuts: readonly C[]): C | undefined {
  return [...cuts].sort((a, b) => a.bytes - b.bytes)[0];
}
