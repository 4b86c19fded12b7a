import { type Grouping, groupCount } from './kernels.js';

/** The smallest and largest element of each group, and what was left out. */
export interface GroupRanges {
  readonly lows: Float32Array<ArrayBuffer>;
  readonly highs: Float32Array<ArrayBuffer>;
  /** How many elements are above `tau` in magnitude, or not numbers. */
  readonly outside: number;
}

/** Elements above `tau` in magnitude are left out. A group of none but such has the range 0 to 0. -0 counts as +0. */
export function groupRanges(values: Float32Array, grouping: Grouping, tau: number): GroupRanges {
  const { length, inner } = grouping;
  const groups = groupCount(grouping);
  const lows = new Float32Array(groups);
  const highs = new Float32Array(groups);
  let outside = 0;
  for (let g = 0; g < groups; g++) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    const first = Math.floor(g / inner) * length * inner + (g % inner);
    for (let l = 0, at = first; l < length; l++, at += inner) {
      const x = values[at] ?? 0;
      if (Math.abs(x) <= tau) {
        if (x < low) low = x;
        if (x > high) high = x;
      } else outside++;
    }
    // Adding 0 turns -0 into +0.
    if (low <= high) {
      lows[g] = low + 0;
      highs[g] = high + 0;
    }
  }
  return { lows, highs, outside };
}
