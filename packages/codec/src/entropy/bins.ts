/** Where the second, third and fourth bin begin: symbols, or 256 where there is no such bin. */
export type BinStarts = readonly [number, number, number];

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

/** The bin of each of 256 symbols. */
export function binsOf(starts: BinStarts): Uint8Array {
  const bins = new Uint8Array(256);
  for (const start of starts)
    for (let symbol = start; symbol < 256; symbol++) bins[symbol] = (bins[symbol] as number) + 1;
  return bins;
}
