/** Range and energy of each of four columns; defined in src/kernels/ranges.ts and tabq.ts. */
import * as c from './constants';
import { lowerOf, upperOf } from './pairs';

/** Of the four columns that were measured last: their least and largest elements (f32) and the sums of their squares (f64). */
export const lows = memory.data(16, 16);
export const highs = memory.data(16, 16);
export const energies = memory.data(32, 16);

/**
 * Sets `lows`, `highs` and `energies`. What is no number counts nowhere; a column of nothing else has the range 0 to 0.
 * Squares are summed for rows 0, 4, 8, ... apart from those for 1, 5, 9, ... and so on.
 * @param room four columns together
 * @returns whether all elements are numbers
 */
export function measureFour(room: usize, length: i32): bool {
  let low = v128.load32_splat(c.infinity);
  let high = v128.load32_splat(c.minusInfinity);
  let good = f32x4.eq(low, low);
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  let c2 = f64x2.splat(0);
  let d = f64x2.splat(0);
  let e = f64x2.splat(0);
  let f = f64x2.splat(0);
  let g = f64x2.splat(0);
  let h = f64x2.splat(0);
  const end = room + ((<usize>(length & ~3)) << 4);
  for (; room < end; room += 64) {
    const x0 = v128.load(room);
    low = f32x4.pmin(low, x0);
    high = f32x4.pmax(high, x0);
    const is0 = f32x4.eq(x0, x0);
    const y0 = v128.and(x0, is0);
    a = addSquare(a, lowerOf(y0));
    b = addSquare(b, upperOf(y0));
    const x1 = v128.load(room, 16);
    low = f32x4.pmin(low, x1);
    high = f32x4.pmax(high, x1);
    const is1 = f32x4.eq(x1, x1);
    const y1 = v128.and(x1, is1);
    c2 = addSquare(c2, lowerOf(y1));
    d = addSquare(d, upperOf(y1));
    const x2 = v128.load(room, 32);
    low = f32x4.pmin(low, x2);
    high = f32x4.pmax(high, x2);
    const is2 = f32x4.eq(x2, x2);
    const y2 = v128.and(x2, is2);
    e = addSquare(e, lowerOf(y2));
    f = addSquare(f, upperOf(y2));
    const x3 = v128.load(room, 48);
    low = f32x4.pmin(low, x3);
    high = f32x4.pmax(high, x3);
    const is3 = f32x4.eq(x3, x3);
    const y3 = v128.and(x3, is3);
    g = addSquare(g, lowerOf(y3));
    h = addSquare(h, upperOf(y3));
    good = v128.and(good, v128.and(v128.and(is0, is1), v128.and(is2, is3)));
  }
  const left = length & 3;
  for (let row = 0; row < left; row++, room += 16) {
    const x = v128.load(room);
    low = f32x4.pmin(low, x);
    high = f32x4.pmax(high, x);
    const isNumber = f32x4.eq(x, x);
    good = v128.and(good, isNumber);
    const y = v128.and(x, isNumber);
    if (row === 0) {
      a = addSquare(a, lowerOf(y));
      b = addSquare(b, upperOf(y));
    } else if (row === 1) {
      c2 = addSquare(c2, lowerOf(y));
      d = addSquare(d, upperOf(y));
    } else {
      e = addSquare(e, lowerOf(y));
      f = addSquare(f, upperOf(y));
    }
  }
  v128.store(energies, f64x2.add(f64x2.add(a, c2), f64x2.add(e, g)));
  v128.store(energies, f64x2.add(f64x2.add(b, d), f64x2.add(f, h)), 16);
  const any = f32x4.le(low, high);
  // Adding 0 turns -0 into +0.
  v128.store(lows, v128.and(f32x4.add(low, f32x4.splat(0)), any));
  v128.store(highs, v128.and(f32x4.add(high, f32x4.splat(0)), any));
  return i32x4.all_true(good);
}

function addSquare(sum: v128, x: v128): v128 {
  return f64x2.add(sum, f64x2.mul(x, x));
}
