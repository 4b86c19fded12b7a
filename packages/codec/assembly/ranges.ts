/** The range and the energy of a row; defined in src/kernels/ranges.ts and tabq.ts. */
import * as c from './constants';
import { lanesBelow } from './lanes';

/** What was found last: 0 to 0 if nothing is inside. */
export let low: f32 = 0;
export let high: f32 = 0;
/** How many elements are at most tau in magnitude. */
export let inside: i32 = 0;
export let energy: f64 = 0;

/** Sets `low`, `high` and `inside`. */
export function findRange(row: usize, length: i32, tau: f32): void {
  const most = f32x4.splat(tau);
  const sizeMask = v128.load32_splat(c.sizeMask);
  const infinity = v128.load32_splat(c.infinity);
  const minusInfinity = v128.load32_splat(c.minusInfinity);
  let lows = infinity;
  let highs = minusInfinity;
  let lows2 = infinity;
  let highs2 = minusInfinity;
  let count = i32x4.splat(0);
  let left = length;
  for (; left >= 8; left -= 8, row += 32) {
    const a = v128.load(row);
    const b = v128.load(row, 16);
    const insideA = f32x4.le(v128.and(a, sizeMask), most);
    const insideB = f32x4.le(v128.and(b, sizeMask), most);
    lows = f32x4.pmin(lows, v128.bitselect(a, infinity, insideA));
    highs = f32x4.pmax(highs, v128.bitselect(a, minusInfinity, insideA));
    lows2 = f32x4.pmin(lows2, v128.bitselect(b, infinity, insideB));
    highs2 = f32x4.pmax(highs2, v128.bitselect(b, minusInfinity, insideB));
    count = i32x4.sub(count, i32x4.add(insideA, insideB));
  }
  for (; left > 0; left -= 4, row += 16) {
    const a = v128.load(row);
    const insideA = v128.and(f32x4.le(v128.and(a, sizeMask), most), lanesBelow(left));
    lows = f32x4.pmin(lows, v128.bitselect(a, infinity, insideA));
    highs = f32x4.pmax(highs, v128.bitselect(a, minusInfinity, insideA));
    count = i32x4.sub(count, insideA);
  }
  setRange(f32x4.pmin(lows, lows2), f32x4.pmax(highs, highs2));
  inside = sumOfLanes(count);
}

/** As `findRange`, and sets `energy`. */
export function findRangeAndEnergy(row: usize, length: i32, tau: f32): void {
  const most = f32x4.splat(tau);
  const sizeMask = v128.load32_splat(c.sizeMask);
  const infinity = v128.load32_splat(c.infinity);
  const minusInfinity = v128.load32_splat(c.minusInfinity);
  let lows = infinity;
  let highs = minusInfinity;
  let count = i32x4.splat(0);
  let squares = f64x2.splat(0);
  let squares2 = f64x2.splat(0);
  for (let left = length; left > 0; left -= 4, row += 16) {
    const a = v128.load(row);
    let insideA = f32x4.le(v128.and(a, sizeMask), most);
    if (left < 4) insideA = v128.and(insideA, lanesBelow(left));
    lows = f32x4.pmin(lows, v128.bitselect(a, infinity, insideA));
    highs = f32x4.pmax(highs, v128.bitselect(a, minusInfinity, insideA));
    count = i32x4.sub(count, insideA);
    const x = v128.and(a, insideA);
    const first = f64x2.promote_low_f32x4(x);
    const last = f64x2.promote_low_f32x4(i64x2.shuffle(x, x, 1, 0));
    squares = f64x2.add(squares, f64x2.mul(first, first));
    squares2 = f64x2.add(squares2, f64x2.mul(last, last));
  }
  setRange(lows, highs);
  inside = sumOfLanes(count);
  energy =
    f64x2.extract_lane(squares, 0) +
    f64x2.extract_lane(squares, 1) +
    (f64x2.extract_lane(squares2, 0) + f64x2.extract_lane(squares2, 1));
}

function setRange(lows: v128, highs: v128): void {
  const lows2 = f32x4.pmin(lows, i64x2.shuffle(lows, lows, 1, 0));
  const highs2 = f32x4.pmax(highs, i64x2.shuffle(highs, highs, 1, 0));
  const smallest = f32x4.extract_lane(f32x4.pmin(lows2, i32x4.shuffle(lows2, lows2, 1, 0, 3, 2)), 0);
  const largest = f32x4.extract_lane(f32x4.pmax(highs2, i32x4.shuffle(highs2, highs2, 1, 0, 3, 2)), 0);
  const any = smallest <= largest;
  // Adding 0 turns -0 into +0.
  low = any ? smallest + 0 : 0;
  high = any ? largest + 0 : 0;
}

function sumOfLanes(four: v128): i32 {
  return (
    i32x4.extract_lane(four, 0) +
    i32x4.extract_lane(four, 1) +
    i32x4.extract_lane(four, 2) +
    i32x4.extract_lane(four, 3)
  );
}
