/** Range and energy of each of four columns at a time; defined in src/kernels/ranges.ts and tabq.ts. */
import { firstOfFour, fourBytes, gather, gathered, noteRanges } from './columns';
import * as c from './constants';
import { lowerOf, upperOf } from './pairs';

/**
 * The first pass, as `measureRows`.
 * @param room for `length` * 64 bytes
 * @param outsides room for an i32 for each column: how many elements are outside
 * @returns how many elements are outside in all
 */
export function measureTabqColumns(
  numbers: usize,
  length: i32,
  columns: i32,
  tau: f32,
  room: usize,
  lows: usize,
  highs: usize,
  outsides: usize,
  energies: usize,
): i32 {
  let outside = 0;
  for (let column = 0, from = room; column < columns; column += 4, from += fourBytes(length)) {
    if (column % gathered === 0) {
      from = room;
      gather(numbers, column, columns, room, length);
    }
    const place = firstOfFour(column, columns);
    const at = (<usize>place) << 2;
    if (!measureWhole(from, length, tau, lows + at, highs + at, energies + 2 * at)) {
      measureInner(from, length, tau, lows + at, highs + at, outsides + at, energies + 2 * at);
      for (let lane = column - place; lane < 4; lane++) outside += load<i32>(outsides + at + ((<usize>lane) << 2));
    } else v128.store(outsides + at, i32x4.splat(0));
    noteRanges(v128.load(lows + at), v128.load(highs + at));
  }
  return outside;
}

/** As if no element was outside. @returns whether none is */
function measureWhole(room: usize, length: i32, tau: f32, lows: usize, highs: usize, energies: usize): bool {
  let low = v128.load(room);
  let high = low;
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  let c2 = f64x2.splat(0);
  let d = f64x2.splat(0);
  let e = f64x2.splat(0);
  let f = f64x2.splat(0);
  let g = f64x2.splat(0);
  let h = f64x2.splat(0);
  const end = room + ((<usize>(length & ~3)) << 4);
  let at = room;
  for (; at < end; at += 64) {
    const x0 = v128.load(at);
    const x1 = v128.load(at, 16);
    const x2 = v128.load(at, 32);
    const x3 = v128.load(at, 48);
    low = f32x4.pmin(f32x4.pmin(low, x0), f32x4.pmin(x1, f32x4.pmin(x2, x3)));
    high = f32x4.pmax(f32x4.pmax(high, x0), f32x4.pmax(x1, f32x4.pmax(x2, x3)));
    a = addSquare(a, lowerOf(x0));
    b = addSquare(b, upperOf(x0));
    c2 = addSquare(c2, lowerOf(x1));
    d = addSquare(d, upperOf(x1));
    e = addSquare(e, lowerOf(x2));
    f = addSquare(f, upperOf(x2));
    g = addSquare(g, lowerOf(x3));
    h = addSquare(h, upperOf(x3));
  }
  const left = length & 3;
  if (left > 0) {
    const x = v128.load(at);
    low = f32x4.pmin(low, x);
    high = f32x4.pmax(high, x);
    a = addSquare(a, lowerOf(x));
    b = addSquare(b, upperOf(x));
  }
  if (left > 1) {
    const x = v128.load(at, 16);
    low = f32x4.pmin(low, x);
    high = f32x4.pmax(high, x);
    c2 = addSquare(c2, lowerOf(x));
    d = addSquare(d, upperOf(x));
  }
  if (left > 2) {
    const x = v128.load(at, 32);
    low = f32x4.pmin(low, x);
    high = f32x4.pmax(high, x);
    e = addSquare(e, lowerOf(x));
    f = addSquare(f, upperOf(x));
  }
  const lower = f64x2.add(f64x2.add(a, c2), f64x2.add(e, g));
  const upper = f64x2.add(f64x2.add(b, d), f64x2.add(f, h));
  v128.store(energies, lower);
  v128.store(energies, upper, 16);
  v128.store(lows, f32x4.add(low, f32x4.splat(0)));
  v128.store(highs, f32x4.add(high, f32x4.splat(0)));
  // What is not a number makes the energy none.
  const numbers = v128.and(f64x2.eq(lower, lower), f64x2.eq(upper, upper));
  const inside = v128.and(f32x4.ge(low, f32x4.splat(-tau)), f32x4.le(high, f32x4.splat(tau)));
  return i32x4.all_true(v128.and(numbers, inside));
}

function addSquare(sum: v128, x: v128): v128 {
  return f64x2.add(sum, f64x2.mul(x, x));
}

/** Without the elements that are outside. A column of none but such has the range 0 to 0. */
function measureInner(
  room: usize,
  length: i32,
  tau: f32,
  lows: usize,
  highs: usize,
  outsides: usize,
  energies: usize,
): void {
  const most = f32x4.splat(tau);
  const infinity = v128.load32_splat(c.infinity);
  const minusInfinity = v128.load32_splat(c.minusInfinity);
  let low = infinity;
  let high = minusInfinity;
  let outside = i32x4.splat(length);
  // Four sums for each column, one after another for rows 0, 1, 2, 3, 4, ...
  for (let lane = 0; lane < 4; lane++) {
    v128.store(partSums + ((<usize>lane) << 5), f64x2.splat(0));
    v128.store(partSums + ((<usize>lane) << 5), f64x2.splat(0), 16);
  }
  for (let row = 0; row < length; row++, room += 16) {
    const all = v128.load(room);
    const isInside = f32x4.le(f32x4.abs(all), most);
    low = f32x4.pmin(low, v128.bitselect(all, infinity, isInside));
    high = f32x4.pmax(high, v128.bitselect(all, minusInfinity, isInside));
    outside = i32x4.add(outside, isInside);
    const x = v128.and(all, isInside);
    const sum = partSums + ((<usize>(row & 3)) << 5);
    v128.store(sum, addSquare(v128.load(sum), lowerOf(x)));
    v128.store(sum, addSquare(v128.load(sum, 16), upperOf(x)), 16);
  }
  for (let half: usize = 0; half < 32; half += 16) {
    const even = f64x2.add(v128.load(partSums + half), v128.load(partSums + half, 32));
    const odd = f64x2.add(v128.load(partSums + half, 64), v128.load(partSums + half, 96));
    v128.store(energies + half, f64x2.add(even, odd));
  }
  const any = f32x4.le(low, high);
  v128.store(lows, v128.and(f32x4.add(low, f32x4.splat(0)), any));
  v128.store(highs, v128.and(f32x4.add(high, f32x4.splat(0)), any));
  v128.store(outsides, outside);
}

const partSums = memory.data(128, 16);
