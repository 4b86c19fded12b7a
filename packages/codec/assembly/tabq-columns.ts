/** Four columns at a time: their ranges, the smallest widths that keep a budget, and codes; defined in src/kernels/tabq.ts. */
import { firstOfFour, fourBytes, gather, gathered } from './columns';
import * as c from './constants';
import { fitsHalf, fourOf, inverseOf, joinLower, lowerOf, lowOf, upperOf } from './pairs';
import { code } from './quantise';
import { scales as fourScales } from './tabq-errors';
import { energies, highs, lows, measureFour } from './tabq-ranges';
import { findWidths, widths as fourWidths, mosts } from './tabq-search';

/**
 * Elements that are no numbers are left out: they have code 0.
 * @param numbers up to 12 after the last are read
 * @param room for `length` * 64 bytes and 16 rows more
 * @param starts room for an f32 for each column: what codes count from; `scales` and `inverses` likewise, `widths` for a byte
 * @param codes room for the codes of each column in a row, and 16 bytes more; 0 where they are not wanted
 * @returns 1, or 0 if all should be narrow but not all columns can
 */
export function tabqColumns(
  numbers: usize,
  length: i32,
  columns: i32,
  delta: f64,
  maxWidth: i32,
  isNarrow: bool,
  room: usize,
  starts: usize,
  scales: usize,
  inverses: usize,
  widths: usize,
  codes: usize,
): i32 {
  const budget = f64x2.splat(delta);
  for (let column = 0, from = room; column < columns; column += 4, from += fourBytes(length)) {
    if (column % gathered === 0) {
      from = room;
      gather(numbers, column, columns, room, length);
    }
    const isWhole = measureFour(from, length);
    const low = v128.load(lows);
    const high = v128.load(highs);
    const lowerHigh = lowerOf(high);
    const upperHigh = upperOf(high);
    if (isNarrow && !i64x2.all_true(v128.and(fitsHalf(lowerOf(low), lowerHigh), fitsHalf(upperOf(low), upperHigh)))) {
      return 0;
    }
    const lower = lowOf(lowerOf(low), isNarrow);
    const upper = lowOf(upperOf(low), isNarrow);
    const alike = f32x4.eq(low, high);
    const start = v128.bitselect(low, fourOf(lower, upper), alike);
    if (!isWhole) replaceMissing(from, length, start);
    v128.store(mosts, f64x2.mul(budget, v128.load(energies)));
    v128.store(mosts, f64x2.mul(budget, v128.load(energies, 16)), 16);
    findWidths(from, length, maxWidth, isNarrow, start, lower, upper, lowerHigh, upperHigh, alike);
    const place = firstOfFour(column, columns);
    const at = (<usize>place) << 2;
    const lowerScale = v128.andnot(v128.load(fourScales), lowerMask(alike));
    const upperScale = v128.andnot(v128.load(fourScales, 16), upperMask(alike));
    const inverse = joinLower(inverseOf(lowerScale), inverseOf(upperScale));
    v128.store(starts + at, start);
    v128.store(scales + at, fourOf(lowerScale, upperScale));
    v128.store(inverses + at, inverse);
    const chosen = v128.andnot(v128.load(fourWidths), alike);
    v128.store32_lane(widths + place, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(chosen, chosen), chosen), 0);
    if (codes) quantiseFour(from, length, start, inverse, codes + <usize>place * length);
  }
  return 1;
}

/** What becomes the start has code 0 and no error. */
function replaceMissing(room: usize, length: i32, start: v128): void {
  const end = room + fourBytes(length);
  for (; room < end; room += 16) {
    const x = v128.load(room);
    v128.store(room, v128.bitselect(x, start, f32x4.eq(x, x)));
  }
}

/** Writes the codes of four columns, each in a row, one row behind the other. */
function quantiseFour(room: usize, length: i32, start: v128, inverse: v128, codes: usize): void {
  const bias = v128.load32_splat(c.roundingBias);
  const mask = v128.load32_splat(c.codeMask);
  // The last sixteen begin where they still fit; only where there are fewer are codes written past the end of a row, where
  // they are written over by those of the next.
  const last = max(length - 16, 0);
  for (let row = 0; row < length; row += 16) {
    const first = min(row, last);
    const from = room + ((<usize>first) << 4);
    const a = fourRows(from, start, inverse, bias, mask);
    const b = fourRows(from + 64, start, inverse, bias, mask);
    const d = fourRows(from + 128, start, inverse, bias, mask);
    const e = fourRows(from + 192, start, inverse, bias, mask);
    const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
    const abLast = i32x4.shuffle(a, b, 2, 6, 3, 7);
    const de = i32x4.shuffle(d, e, 0, 4, 1, 5);
    const deLast = i32x4.shuffle(d, e, 2, 6, 3, 7);
    const to = codes + first;
    v128.store(to, i64x2.shuffle(ab, de, 0, 2));
    v128.store(to + length, i64x2.shuffle(ab, de, 1, 3));
    v128.store(to + 2 * length, i64x2.shuffle(abLast, deLast, 0, 2));
    v128.store(to + 3 * length, i64x2.shuffle(abLast, deLast, 1, 3));
  }
}

/** The codes of four columns in four rows, column by column. */
function fourRows(from: usize, start: v128, inverse: v128, bias: v128, mask: v128): v128 {
  const x0 = code(v128.load(from), start, inverse, bias, mask);
  const x1 = code(v128.load(from, 16), start, inverse, bias, mask);
  const x2 = code(v128.load(from, 32), start, inverse, bias, mask);
  const x3 = code(v128.load(from, 48), start, inverse, bias, mask);
  const rows = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(x0, x1), i16x8.narrow_i32x4_u(x2, x3));
  return i8x16.shuffle(rows, rows, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}

/** A mask of four, two of them widened. */
function lowerMask(four: v128): v128 {
  return i32x4.shuffle(four, four, 0, 0, 1, 1);
}

function upperMask(four: v128): v128 {
  return i32x4.shuffle(four, four, 2, 2, 3, 3);
}
