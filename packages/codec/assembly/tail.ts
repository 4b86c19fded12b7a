/** Where the tail of magnitudes begins, and what lies in it; what it is for is said in src/kernels/tail.ts. */
import * as c from './constants';

const binShift = 19;
/** Bins of a magnitude. */
const bins = 0x80_00_00_00 >>> binShift;
/** What is in the bins from this one on is above the tail in any case. */
const lastBin = 0x7e_80_00_00 >>> binShift;
/** From so many elements on a sample tells where to look: one in sixteen, but within limits. */
const sampleFrom = 2048;
const sampleEvery = 16;
const leastSample = 256;
const mostSample = 1024;

/** How many places `tailBin` has written. */
let found: i32 = 0;

/**
 * The first bin of the tail: the bins from it on hold at most `most` elements, and with the one before it more.
 * @param counts room for a u32 for each bin
 * @param places room for a u32 for each element: of all that may be in the tail, for `takeOutliers`
 */
export function tailBin(numbers: usize, count: i32, most: i32, counts: usize, places: usize): i32 {
  if (count >= sampleFrom) {
    const apart = count / max(leastSample, min(mostSample, count / sampleEvery));
    countSome(numbers, count, apart, counts);
    // In the bins from this one on lie about twice as many elements as may, or more.
    const least = min(walk(counts, (most / apart) * 2 + 8) - 1, lastBin);
    if (least > 0) {
      findFrom(least, numbers, count, places);
      if (found > most) {
        countFound(numbers, places, least, counts);
        return walk(counts, most);
      }
    }
  }
  countSome(numbers, count, 1, counts);
  const first = walk(counts, most);
  findFrom(min(first, lastBin), numbers, count, places);
  return first;
}

/**
 * Leaves of the places that `tailBin` wrote last those of elements that are above `tau` in magnitude or no numbers, and puts
 * what is no number there: a group then tells by itself what does not count.
 * @returns how many they are
 */
export function takeOutliers(numbers: usize, tau: f32, places: usize): i32 {
  let taken = 0;
  for (let i = 0; i < found; i++) {
    const place = load<u32>(places + ((<usize>i) << 2));
    const at = numbers + ((<usize>place) << 2);
    if (abs(load<f32>(at)) <= tau) continue;
    store<f32>(at, f32.NaN);
    store<u32>(places + ((<usize>taken) << 2), place);
    taken++;
  }
  return taken;
}

function walk(counts: usize, most: i32): i32 {
  let first = bins;
  let above: i32 = 0;
  // The upper bins are empty as a rule.
  while (first > 0 && !isAnyOfSixteen(counts + <usize>(first - 16) * 4)) first -= 16;
  while (first > 0) {
    above += load<i32>(counts + <usize>(first - 1) * 4);
    if (above > most) break;
    first--;
  }
  return first;
}

function isAnyOfSixteen(counts: usize): bool {
  const lower = v128.or(v128.load(counts), v128.load(counts, 16));
  return v128.any_true(v128.or(lower, v128.or(v128.load(counts, 32), v128.load(counts, 48))));
}

/** Counts every so manieth element. */
function countSome(numbers: usize, count: i32, apart: i32, counts: usize): void {
  memory.fill(counts, 0, bins * 4);
  for (let i = 0; i < count; i += apart) addOne(counts, load<u32>(numbers + <usize>i * 4));
}

/** Writes the places of all elements from a bin on. */
function findFrom(bin: i32, numbers: usize, count: i32, places: usize): void {
  const lasts = i32x4.splat((bin << binShift) - 1);
  const sizeMask = v128.load32_splat(c.sizeMask);
  found = 0;
  for (let i = 0; i < count; i += 8) {
    const at = numbers + ((<usize>i) << 2);
    const a = i32x4.gt_s(v128.and(v128.load(at), sizeMask), lasts);
    const b = i32x4.gt_s(v128.and(v128.load(at, 16), sizeMask), lasts);
    let above = i32x4.bitmask(a) | (i32x4.bitmask(b) << 4);
    if (count - i < 8) above &= (1 << (count - i)) - 1;
    for (; above !== 0; above &= above - 1, found++) {
      store<u32>(places + ((<usize>found) << 2), i + ctz<i32>(above));
    }
  }
}

/** Counts what was found, all of it in the bins from `first` on; what is below is not told. */
function countFound(numbers: usize, places: usize, first: i32, counts: usize): void {
  memory.fill(counts + ((<usize>first) << 2), 0, (<usize>(bins - first)) << 2);
  for (let i = 0; i < found; i++) {
    const place = load<u32>(places + ((<usize>i) << 2));
    addOne(counts, load<u32>(numbers + ((<usize>place) << 2)));
  }
}

function addOne(counts: usize, bits: u32): void {
  const at = counts + <usize>((bits << 1) >> (binShift + 1)) * 4;
  store<u32>(at, load<u32>(at) + 1);
}
