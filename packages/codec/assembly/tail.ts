/** Counts magnitudes by bins; what they are for is said in src/kernels/tail.ts. */

const binShift = 19;
/** Bins of a magnitude. */
const bins = 0x80_00_00_00 >>> binShift;

/**
 * Adds to the counts.
 * @param counts two tables of u32 for each bin, whose sums are the counts: neighbours are often alike, and would wait for
 *   one another in one table.
 */
export function countMagnitudes(numbers: usize, count: i32, counts: usize): void {
  const second = counts + bins * 4;
  let left = count;
  for (; left >= 2; left -= 2, numbers += 8) {
    addOne(counts, load<u32>(numbers));
    addOne(second, load<u32>(numbers, 4));
  }
  if (left > 0) addOne(counts, load<u32>(numbers));
}

function addOne(counts: usize, bits: u32): void {
  const at = counts + <usize>((bits << 1) >> (binShift + 1)) * 4;
  store<u32>(at, load<u32>(at) + 1);
}
