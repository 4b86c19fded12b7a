/** Where the second, third and fourth bin of symbols begin: symbols, or 256 where there is no such bin; 1 at least. */
export type BinStarts = readonly [number, number, number];

/** The bin of each of 256 symbols. */
export function binsOf(starts: BinStarts): Uint8Array {
  const bins = new Uint8Array(256);
  for (const start of starts)
    for (let symbol = start; symbol < 256; symbol++) bins[symbol] = (bins[symbol] as number) + 1;
  return bins;
}
