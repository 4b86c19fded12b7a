/**
 * Groups that are columns, four at a time, each in a lane of its own: short groups then cost little more than their
 * elements. A tensor is `length` rows of `columns` elements, four at least. The last four columns overlap with those before
 * where their number is no multiple of four, and are done again.
 */
import * as c from './constants';
import { fitsHalf, fourOf, inverseOf, joinLower, lowerOf, lowOf, scaleOf, upperOf } from './pairs';

/** Columns that are copied together: as many as a line of a cache holds. */
export const gathered = 16;

/** Bytes of four columns that were copied together. */
export function fourBytes(length: i32): usize {
  return (<usize>length) << 4;
}

/** Copies sixteen columns, four together. @param room for four times `fourBytes` */
function gatherSixteen(from: usize, room: usize, length: i32, rowBytes: usize): void {
  const four = fourBytes(length);
  const end = room + four;
  for (; room < end; from += rowBytes, room += 16) {
    v128.store(room, v128.load(from));
    v128.store(room + four, v128.load(from, 16));
    v128.store(room + 2 * four, v128.load(from, 32));
    v128.store(room + 3 * four, v128.load(from, 48));
  }
}

/** Copies four columns together. @param room for `fourBytes` */
function gatherFour(from: usize, room: usize, length: i32, rowBytes: usize): void {
  const end = room + fourBytes(length);
  for (; room < end; from += rowBytes, room += 16) v128.store(room, v128.load(from));
}

/** Copies the columns from `column` on, sixteen where there are as many, four together. @param room for sixteen columns */
export function gather(numbers: usize, column: i32, columns: i32, room: usize, length: i32): void {
  const rowBytes = (<usize>columns) << 2;
  if (column + gathered <= columns) {
    gatherSixteen(numbers + ((<usize>column) << 2), room, length, rowBytes);
    return;
  }
  for (; column < columns; column += 4, room += fourBytes(length)) {
    gatherFour(numbers + ((<usize>firstOfFour(column, columns)) << 2), room, length, rowBytes);
  }
}

/** Where the four columns begin that hold column `column`. */
export function firstOfFour(column: i32, columns: i32): i32 {
  return min(column, columns - 4);
}

/** Whether all that was measured since `beginColumns` is narrow. */
let narrow: bool = false;

export function beginColumns(): void {
  narrow = true;
}

/** Takes four ranges into account. */
function noteRanges(lows: v128, highs: v128): void {
  if (!narrow) return;
  const fits = v128.and(fitsHalf(lowerOf(lows), lowerOf(highs)), fitsHalf(upperOf(lows), upperOf(highs)));
  narrow = i64x2.all_true(fits);
}

/** Whether all columns since `beginColumns` are narrow. */
export function columnsAreNarrow(): bool {
  return narrow;
}

/**
 * The range of each column, as `findFiniteRange` has it for rows.
 * @param lows room for an f32 for each column; `highs` likewise
 * @returns whether all elements are finite and at most `tau` in magnitude
 */
export function measureColumns(numbers: usize, length: i32, columns: i32, tau: f32, lows: usize, highs: usize): bool {
  const rowBytes = (<usize>columns) << 2;
  const most = f32x4.splat(tau);
  const least = f32x4.splat(-tau);
  for (let column = 0; column < columns; column += 4) {
    const first = (<usize>firstOfFour(column, columns)) << 2;
    let low = v128.load(numbers + first);
    let high = low;
    let good = f32x4.eq(low, low);
    for (let row = 1, at = numbers + first + rowBytes; row < length; row++, at += rowBytes) {
      const x = v128.load(at);
      low = f32x4.pmin(low, x);
      high = f32x4.pmax(high, x);
      good = v128.and(good, f32x4.eq(x, x));
    }
    good = v128.and(good, v128.and(f32x4.ge(low, least), f32x4.le(high, most)));
    if (!i32x4.all_true(good)) return false;
    // Adding 0 turns -0 into +0.
    low = f32x4.add(low, f32x4.splat(0));
    high = f32x4.add(high, f32x4.splat(0));
    noteRanges(low, high);
    v128.store(lows + first, low);
    v128.store(highs + first, high);
  }
  return true;
}

/**
 * Steps of one width from ranges.
 * @param starts room for an f32 for each column: what codes count from; `scales` and `inverses` likewise
 */
export function affineColumns(
  columns: i32,
  width: i32,
  isNarrow: bool,
  lows: usize,
  highs: usize,
  starts: usize,
  scales: usize,
  inverses: usize,
): void {
  const steps = f64x2.splat(<f64>((1 << width) - 1));
  for (let column = 0; column < columns; column += 4) {
    const first = (<usize>firstOfFour(column, columns)) << 2;
    const low = v128.load(lows + first);
    const high = v128.load(highs + first);
    const lower = lowOf(lowerOf(low), isNarrow);
    const upper = lowOf(upperOf(low), isNarrow);
    const lowerScale = scaleOf(lower, lowerOf(high), steps, isNarrow);
    const upperScale = scaleOf(upper, upperOf(high), steps, isNarrow);
    v128.store(starts + first, fourOf(lower, upper));
    v128.store(scales + first, fourOf(lowerScale, upperScale));
    v128.store(inverses + first, joinLower(inverseOf(lowerScale), inverseOf(upperScale)));
  }
}

/**
 * Codes of all elements, row by row.
 * @param numbers up to 12 after the last are read; `starts` and `inverses` likewise
 * @param codes room for a byte for each element and 16 more
 */
export function quantiseColumns(
  numbers: usize,
  codes: usize,
  length: i32,
  columns: i32,
  starts: usize,
  inverses: usize,
): void {
  const bias = v128.load32_splat(c.roundingBias);
  const mask = v128.load32_splat(c.codeMask);
  // What is written past the end of a row is written over by the next one.
  for (let row = 0; row < length; row++, numbers += (<usize>columns) << 2, codes += columns) {
    for (let column = 0; column < columns; column += 16) {
      const at = (<usize>column) << 2;
      const x0 = code(numbers + at, starts + at, inverses + at, bias, mask);
      const x1 = code(numbers + at + 16, starts + at + 16, inverses + at + 16, bias, mask);
      const x2 = code(numbers + at + 32, starts + at + 32, inverses + at + 32, bias, mask);
      const x3 = code(numbers + at + 48, starts + at + 48, inverses + at + 48, bias, mask);
      v128.store(codes + column, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(x0, x1), i16x8.narrow_i32x4_u(x2, x3)));
    }
  }
}

function code(numbers: usize, starts: usize, inverses: usize, bias: v128, mask: v128): v128 {
  const steps = f32x4.mul(f32x4.sub(v128.load(numbers), v128.load(starts)), v128.load(inverses));
  return v128.and(f32x4.add(steps, bias), mask);
}
