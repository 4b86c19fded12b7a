import type { Bounds } from './bounds.js';
import { hopAt, type Tables } from './tables.js';

/**
 * Costs of every plan on one device and every plan with one hop, in the tables' columns; `tell` must not keep the array.
 * Known before the search, they let it drop most labels at once.
 */
export function seedPlans(tables: Tables, bounds: Bounds, tell: (totals: Float64Array) => void): void {
  const { layout, cuts, devices, codecs, segments, hops, idleW } = tables;
  const width = layout.columns.length;
  const totals = new Float64Array(width);
  const before = new Float64Array(width);
  const add = (base: Float64Array, table: Float64Array, step: number) => {
    for (let c = 0; c < width; c++) {
      const own = table[step + c] as number;
      const sum = base[c] as number;
      totals[c] = c < layout.sums ? sum + own : Math.max(sum, own);
    }
  };
  const first = segments[0] as Float64Array;
  for (let cut = cuts - 1; cut >= 0; cut--) {
    before.fill(0);
    if (cut > 0) {
      if (first[cut * cuts * width] === Infinity) continue;
      add(before, first, cut * cuts * width);
      before.set(totals);
    }
    if (cut === cuts - 1) {
      tell(totals);
      continue;
    }
    if (bounds.done[cut * width] === Infinity) continue;
    for (let to = 1; to < devices; to++) {
      const table = segments[to] as Float64Array;
      const last = ((cuts - 1) * cuts + cut) * width;
      if (table[last] === Infinity) continue;
      const joinedW = (idleW[to] as number) - (idleW[0] as number);
      for (let codec = 0; codec < codecs; codec++) {
        const step = hopAt(tables, 0, to, codec, cut);
        if (hops[step] === Infinity) continue;
        add(before, hops, step);
        if (layout.energy >= 0 && joinedW !== 0) {
          totals[layout.energy] = (totals[layout.energy] as number) + joinedW * (before[layout.latency] as number);
        }
        const crossed = totals.slice();
        add(crossed, table, last);
        tell(totals);
      }
    }
  }
}
