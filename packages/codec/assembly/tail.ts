/** The bin where the tail begins; what it is for is said in src/kernels/tail.ts. */
import * as c from './constants';

const binShift = 19;
/** Bins of a magnitude. */
const bins = 0x80_00_00_00 >>> binShift;
/** From so many elements on a sample of at least half as many tells where to look. */
const sampleFrom = 2048;

/**
 * The first bin of the tail: the bins from it on hold at most `most` elements, and with the one before it more.
 * @param counts room for a u32 for each bin
 */
export function tailBin(numbers: usize, count: i32, most: i32, counts: usize): i32 {
  if (count >= sampleFrom) {
    const apart = count / (sampleFrom / 2);
    countSome(numbers, count, apart, counts);
    // In the bins from this one on lie about twice as many elements as may, or more.
    const least = walk(counts, (most / apart) * 2 + 8) - 1;
    if (least > 0 && countFrom(numbers, count, least, counts) > most) return walk(counts, most);
  }
  countSome(numbers, count, 1, counts);
  return walk(counts, most);
}

function walk(counts: usize, most: i32): i32 {
  let first = bins;
  let above: i32 = 0;
  // The upper bins are empty as a rule.
  while (first > 0 && !v128.any_true(v128.load(counts + <usize>(first - 4) * 4))) first -= 4;
  while (first > 0) {
    above += load<i32>(counts + <usize>(first - 1) * 4);
    if (above > most) break;
    first--;
  }
  return first;
}

/** Counts every so manieth element. */
function countSome(numbers: usize, count: i32, apart: i32, counts: usize): void {
  memory.fill(counts, 0, bins * 4);
  for (let i = 0; i < count; i += apart) addOne(counts, load<u32>(numbers + <usize>i * 4));
}

/** Counts the elements of a bin and those above. @returns how many they are */
function countFrom(numbers: usize, count: i32, bin: i32, counts: usize): i32 {
  memory.fill(counts, 0, bins * 4);
  const last = (bin << binShift) - 1;
  const lasts = i32x4.splat(last);
  const sizeMask = v128.load32_splat(c.sizeMask);
  let total = 0;
  for (let i = 0; i < count; i += 8) {
    const at = numbers + <usize>i * 4;
    const a = i32x4.gt_s(v128.and(v128.load(at), sizeMask), lasts);
    const b = i32x4.gt_s(v128.and(v128.load(at, 16), sizeMask), lasts);
    if (!v128.any_true(v128.or(a, b))) continue;
    for (let j = i; j < min(i + 8, count); j++) {
      const bits = load<u32>(numbers + <usize>j * 4);
      if (<i32>(bits & 0x7f_ff_ff_ff) <= last) continue;
      addOne(counts, bits);
      total++;
    }
  }
  return total;
}

function addOne(counts: usize, bits: u32): void {
  const at = counts + <usize>((bits << 1) >> (binShift + 1)) * 4;
  store<u32>(at, load<u32>(at) + 1);
}
