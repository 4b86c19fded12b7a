import type { BinStarts } from '../kernels/bins.js';

/**
 * Up to four bins of neighbouring symbols that are about equally frequent; a symbol that is more frequent than its share
 * has one to itself.
 * @param counts of the symbols; `bins` 2 or 4.
 */
export function binStartsOf(counts: Uint32Array, bins: 2 | 4): BinStarts {
  const starts: [number, number, number] = [256, 256, 256];
  let left = counts.reduce((sum, count) => sum + count, 0);
  let symbol = 0;
  for (let bin = 1; bin < bins; bin++) {
    const share = left / (bins - bin + 1);
    let taken = 0;
    while (symbol < counts.length) {
      const more = counts[symbol] ?? 0;
      // The next symbol comes in if that leaves the bin nearer to its share.
      if (taken > 0 && taken + more - share > share - taken) break;
      taken += more;
      symbol++;
    }
    if (symbol >= counts.length) break;
    starts[bin - 1] = symbol;
    left -= taken;
  }
  return starts;
}
