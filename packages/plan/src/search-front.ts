import { type Bounds, boundsOf } from './bounds.js';
import { KnownPlans } from './known-plans.js';
import { Search, type SearchResult } from './search.js';
import { hopAt, type Tables } from './tables.js';

/** So many cuts are searched first, coarsest first; what they find lets the search of all cuts drop most labels at once. */
const coarse = [24, 80, 200];

/** The front over all cuts. `epsilon` 0 is exact. */
export function searchFront(tables: Tables, mostEnergyJ: number, mostTies: number, epsilon: number): SearchResult {
  const { layout, cuts, devices } = tables;
  const bounds = boundsOf(tables);
  // At most one replacement per state of a plan, two states per device, and one by a known plan.
  const factor = epsilon === 0 ? 1 : (1 + epsilon) ** (1 / (2 * devices + 1));
  const known = new KnownPlans(layout.chosen.length, factor);
  const allCuts = Array.from({ length: cuts }, (_, cut) => cut);
  // With epsilon, a plan may only be dropped for one that ends on the front itself.
  if (epsilon === 0) {
    for (const count of coarse) {
      if (count * 2 > cuts) break;
      const cutList = promisingCuts(tables, bounds, count);
      new Search(tables, bounds, known, { cutList, mostEnergyJ, mostTies: 1, factor }).run();
    }
  }
  return new Search(tables, bounds, known, { cutList: allCuts, mostEnergyJ, mostTies, factor }).run();
}

/** Of as many groups of neighbouring cuts, the cut of each that is cheapest to cross. */
function promisingCuts(tables: Tables, { decide }: Bounds, groups: number): number[] {
  const { cuts, devices, codecs, layout, hops } = tables;
  const width = layout.columns.length;
  const price = (cut: number) => {
    let least = Infinity;
    for (let from = 0; from < devices; from++) {
      for (let to = from + 1; to < devices; to++) {
        if (decide[(to * cuts + cut) * width] === Infinity) continue;
        for (let codec = 0; codec < codecs; codec++) {
          least = Math.min(least, hops[hopAt(tables, from, to, codec, cut)] as number);
        }
      }
    }
    return least;
  };
  const chosen = [0];
  for (let group = 0; group < groups; group++) {
    const first = 1 + Math.floor((group * (cuts - 2)) / groups);
    const end = 1 + Math.floor(((group + 1) * (cuts - 2)) / groups);
    let best = first;
    let least = price(first);
    for (let cut = first + 1; cut < end; cut++) {
      const its = price(cut);
      if (its < least) {
        least = its;
        best = cut;
      }
    }
    chosen.push(best);
  }
  return [...chosen, cuts - 1];
}
