/** Which cell of the tables each symbol falls into; contexts are defined in src/kernels/symbols.ts. */

/** Bins of sixteen symbols: 0 to 3. @param first one before the start of the second bin; `second`, `third` likewise */
function binsOf(symbols: v128, first: v128, second: v128, third: v128): v128 {
  // A mask is -1.
  const above = i8x16.add(
    i8x16.gt_u(symbols, first),
    i8x16.add(i8x16.gt_u(symbols, second), i8x16.gt_u(symbols, third)),
  );
  return i8x16.neg(above);
}

/**
 * Writes the number of the cell (u16) of each symbol: its context times the alphabet, and the symbol.
 * @param symbols a lane of `count` of them; what lies `left` and `up` before it is read as well. Up to 15 behind it are read.
 * @param own the classes of the symbols, 0 if they have none
 * @param starts the three starts of bins less 1, a byte each; 0 if neighbours do not count
 * @param cells room for two bytes for each symbol and 30 more
 */
export function findCells(
  symbols: usize,
  count: i32,
  own: usize,
  left: usize,
  up: usize,
  starts: usize,
  alphabet: i32,
  cells: usize,
): void {
  const factor = i16x8.splat(<i16>alphabet);
  const first = starts ? v128.load8_splat(starts) : i8x16.splat(0);
  const second = starts ? v128.load8_splat(starts, 1) : first;
  const third = starts ? v128.load8_splat(starts, 2) : first;
  const end = symbols + count;
  for (let at = symbols; at < end; at += 16, cells += 32) {
    let context = i8x16.splat(0);
    if (own) {
      context = v128.load(own + (at - symbols));
      if (starts) context = i8x16.shl(context, 4);
    }
    if (starts) {
      const before = i8x16.shl(binsOf(v128.load(at - left), first, second, third), 2);
      context = v128.or(context, v128.or(before, binsOf(v128.load(at - up), first, second, third)));
    }
    const symbol = v128.load(at);
    const lower = i16x8.mul(i16x8.extend_low_i8x16_u(context), factor);
    const upper = i16x8.mul(i16x8.extend_high_i8x16_u(context), factor);
    v128.store(cells, i16x8.add(lower, i16x8.extend_low_i8x16_u(symbol)));
    v128.store(cells, i16x8.add(upper, i16x8.extend_high_i8x16_u(symbol)), 16);
  }
}

/** Adds to `counts` (u32) how often each cell occurs. @param second room for as many, which are added in the end */
export function countCells(cells: usize, count: i32, tableCells: i32, counts: usize, second: usize): void {
  const tableBytes = (<usize>tableCells) << 2;
  memory.fill(counts, 0, tableBytes);
  memory.fill(second, 0, tableBytes);
  const end = cells + ((<usize>(count & ~1)) << 1);
  // Two sets of counts, as what was just written is slow to read.
  for (; cells < end; cells += 4) {
    const a = counts + ((<usize>load<u16>(cells)) << 2);
    const b = second + ((<usize>load<u16>(cells, 2)) << 2);
    store<u32>(a, load<u32>(a) + 1);
    store<u32>(b, load<u32>(b) + 1);
  }
  if (count & 1) {
    const a = counts + ((<usize>load<u16>(cells)) << 2);
    store<u32>(a, load<u32>(a) + 1);
  }
  for (let i: usize = 0; i < tableBytes; i += 4) store<u32>(counts + i, load<u32>(counts + i) + load<u32>(second + i));
}
