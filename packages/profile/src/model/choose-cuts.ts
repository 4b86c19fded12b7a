import { type Cut, notableCuts } from '@cutpoint/graph';
import { assumedTotalMs, type CutCosts } from './cut-costs.js';

/**
 * The cuts to measure, both ends left out: `count` of them spread evenly over the estimated cost (and a little over the number of nodes), and the notable ones
 * (few bytes cross, the most cross), up to half as many again, those first that lie farthest from what is chosen already.
 */
export function chooseCuts(cuts: readonly Cut[], costs: readonly CutCosts[], count: number): number[] {
  const inner = cuts.slice(1, -1).map(({ index }) => index);
  if (inner.length <= count) return inner;
  const place = (index: number) => {
    const cost = costs[index];
    if (cost === undefined) return 0;
    const share = workOf(cost.front) / Math.max(Number.MIN_VALUE, workOf(cost.front) + workOf(cost.back));
    // Where the estimate sees no cost at all it may be wrong: no long run of nodes shall go unmeasured.
    return (1 - countShare) * share + (countShare * index) / (cuts.length - 1);
  };
  const chosen = new Set<number>();
  for (let i = 0; i < count; i++) {
    const wanted = (i + 0.5) / count;
    const free = inner.filter((index) => !chosen.has(index));
    chosen.add(nearest(free, (index) => Math.abs(place(index) - wanted)));
  }
  const notable = notableCuts(cuts).map(({ index }) => index);
  for (let i = 0; i < Math.floor(count / 2); i++) {
    const free = notable.filter((index) => inner.includes(index) && !chosen.has(index));
    if (free.length === 0) break;
    chosen.add(
      nearest(free, (index) => -Math.min(...[...chosen].map((other) => Math.abs(place(index) - place(other))))),
    );
  }
  return [...chosen].sort((a, b) => a - b);
}

/** How much the place of a cut goes by the number of cuts before it instead of their estimated cost. */
const countShare = 0.25;

function workOf({ work }: CutCosts['front']): number {
  return assumedTotalMs({ work, side: [] });
}

function nearest(indices: readonly number[], distance: (index: number) => number): number {
  return indices.reduce((best, index) => (distance(index) < distance(best) ? index : best), indices[0] ?? 0);
}
