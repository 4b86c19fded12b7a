/** The range and the energy of a row; defined in src/kernels/ranges.ts and tabq.ts. */
import * as c from './constants';
import { lanesBelow } from './lanes';

/** What was found last: 0 to 0 if nothing is inside. */
export let low: f32 = 0;
export let high: f32 = 0;
/** How many elements are at most tau in magnitude. */
export let inside: i32 = 0;
export let energy: f64 = 0;

/** Sets `low`, `high`, `inside` and `energy`. */
export function findRange(row: usize, length: i32, tau: f32): void {
  findWholeRange(row, length);
  inside = length;
  // What is not a number makes the energy none.
  if (!(low >= -tau && high <= tau && f64.eq(energy, energy))) findInnerRange(row, length, tau);
}

/** As `findRange` without `energy`, for elements of which none may be outside. @returns whether none is */
export function findFiniteRange(row: usize, length: i32, tau: f32): bool {
  let lows = v128.load32_splat(c.infinity);
  let highs = v128.load32_splat(c.minusInfinity);
  let none = i32x4.splat(0);
  const end = row + <usize>(length & ~3) * 4;
  for (; row < end; row += 16) {
    const x = v128.load(row);
    lows = f32x4.pmin(lows, x);
    highs = f32x4.pmax(highs, x);
    none = v128.or(none, f32x4.ne(x, x));
  }
  const lanes = lanesBelow(length & 3);
  const x = v128.load(row);
  none = v128.or(none, v128.and(lanes, f32x4.ne(x, x)));
  setRange(f32x4.pmin(lows, v128.bitselect(x, lows, lanes)), f32x4.pmax(highs, v128.bitselect(x, highs, lanes)));
  return low >= -tau && high <= tau && !v128.any_true(none);
}

/** As if no element was outside. */
function findWholeRange(row: usize, length: i32): void {
  let lows = v128.load32_splat(c.infinity);
  let highs = v128.load32_splat(c.minusInfinity);
  let squares = f64x2.splat(0);
  let squares2 = f64x2.splat(0);
  const end = row + <usize>(length & ~3) * 4;
  for (; row < end; row += 16) {
    const x = v128.load(row);
    lows = f32x4.pmin(lows, x);
    highs = f32x4.pmax(highs, x);
    const first = f64x2.promote_low_f32x4(x);
    const last = f64x2.promote_low_f32x4(i64x2.shuffle(x, x, 1, 0));
    squares = f64x2.add(squares, f64x2.mul(first, first));
    squares2 = f64x2.add(squares2, f64x2.mul(last, last));
  }
  const left = length & 3;
  if (left > 0) {
    const lanes = lanesBelow(left);
    const x = v128.load(row);
    lows = f32x4.pmin(lows, v128.bitselect(x, lows, lanes));
    highs = f32x4.pmax(highs, v128.bitselect(x, highs, lanes));
    addSquares(v128.and(x, lanes), squares, squares2);
  } else joinSquares(squares, squares2);
  setRange(lows, highs);
}

/** Without the elements that are outside. */
function findInnerRange(row: usize, length: i32, tau: f32): void {
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
    const all = v128.load(row);
    const isInside = v128.and(f32x4.le(v128.and(all, sizeMask), most), lanesBelow(left));
    lows = f32x4.pmin(lows, v128.bitselect(all, infinity, isInside));
    highs = f32x4.pmax(highs, v128.bitselect(all, minusInfinity, isInside));
    count = i32x4.sub(count, isInside);
    const x = v128.and(all, isInside);
    const first = f64x2.promote_low_f32x4(x);
    const last = f64x2.promote_low_f32x4(i64x2.shuffle(x, x, 1, 0));
    squares = f64x2.add(squares, f64x2.mul(first, first));
    squares2 = f64x2.add(squares2, f64x2.mul(last, last));
  }
  joinSquares(squares, squares2);
  setRange(lows, highs);
  inside =
    i32x4.extract_lane(count, 0) +
    i32x4.extract_lane(count, 1) +
    i32x4.extract_lane(count, 2) +
    i32x4.extract_lane(count, 3);
}

function addSquares(x: v128, squares: v128, squares2: v128): void {
  const first = f64x2.promote_low_f32x4(x);
  const last = f64x2.promote_low_f32x4(i64x2.shuffle(x, x, 1, 0));
  joinSquares(f64x2.add(squares, f64x2.mul(first, first)), f64x2.add(squares2, f64x2.mul(last, last)));
}

function joinSquares(squares: v128, squares2: v128): void {
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
