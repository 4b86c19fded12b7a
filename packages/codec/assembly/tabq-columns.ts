/** The smallest width for each of four columns at a time that keeps its budget; defined in src/kernels/tabq.ts. */

import { firstOfFour, gather, noteRanges } from './columns';
import * as c from './constants';
import { fourOf, inverseOf, joinLower, lowerOf, lowOf, scaleOf, upperOf } from './pairs';

const smallestWidth = 2;
/** Elements whose squared errors are summed in f32. */
const blockLength = 64;

/** 2^width - 1 of each width up to 8. */
const stepsOfWidth = memory.data<f64>([0, 1, 3, 7, 15, 31, 63, 127, 255]);

/** Of the four columns at hand: f64 each; whether a search has ended, and its width (i32). */
const mosts = memory.data(32, 16);
const errors = memory.data(32, 16);
const errorsBelow = memory.data(32, 16);
/** The scales of the widths, and of those one below (f64). */
const laneScales = memory.data(32, 16);
const scalesBelow = memory.data(32, 16);
const laneWidths = memory.data(16, 16);
const states = memory.data(16, 16);

/** How the search of a lane stands. */
const begun: i32 = 0;
const goingDown: i32 = 1;
const goingUp: i32 = 2;
const found: i32 = 3;

/**
 * The first pass, as `measureRows`.
 * @param room for `length` * 16 bytes
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
  for (let column = 0; column < columns; column += 4) {
    const place = firstOfFour(column, columns);
    gather(numbers + ((<usize>place) << 2), room, length, (<usize>columns) << 2);
    const at = (<usize>place) << 2;
    if (!measureWhole(room, length, tau, lows + at, highs + at, energies + 2 * at)) {
      measureInner(room, length, tau, lows + at, highs + at, outsides + at, energies + 2 * at);
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

/**
 * The second pass: widths, starts, scales and inverses. Elements that are outside become the start of their column.
 * @param room for `length` * 16 bytes
 * @param starts room for an f32 for each column; `scales` and `inverses` likewise, `widths` for a byte
 */
export function tabqColumns(
  numbers: usize,
  length: i32,
  columns: i32,
  tau: f32,
  delta: f64,
  maxWidth: i32,
  isNarrow: bool,
  room: usize,
  lows: usize,
  highs: usize,
  outsides: usize,
  energies: usize,
  starts: usize,
  scales: usize,
  inverses: usize,
  widths: usize,
): void {
  const rowBytes = (<usize>columns) << 2;
  for (let column = 0; column < columns; column += 4) {
    const place = firstOfFour(column, columns);
    const at = (<usize>place) << 2;
    const low = v128.load(lows + at);
    const high = v128.load(highs + at);
    const alike = f32x4.eq(low, high);
    const lower = lowOf(lowerOf(low), isNarrow);
    const upper = lowOf(upperOf(low), isNarrow);
    const start = v128.bitselect(low, fourOf(lower, upper), alike);
    v128.store(starts + at, start);
    if (v128.any_true(v128.load(outsides + at))) {
      replaceOutliers(numbers + at, length, rowBytes, tau, start);
    }
    gather(numbers + at, room, length, rowBytes);
    const budget = f64x2.splat(delta);
    v128.store(mosts, f64x2.mul(budget, v128.load(energies + 2 * at)));
    v128.store(mosts, f64x2.mul(budget, v128.load(energies + 2 * at, 16)), 16);
    const lowerHigh = lowerOf(high);
    const upperHigh = upperOf(high);
    v128.store(states, v128.and(alike, i32x4.splat(found)));
    findFirstWidths(length, maxWidth, lower, upper, lowerHigh, upperHigh, isNarrow);
    while (!allFound()) {
      measureErrors(room, length, start);
      let changed = false;
      for (let lane: usize = 0; lane < 4; lane++) if (step(lane, maxWidth)) changed = true;
      if (changed) setScales(lower, upper, lowerHigh, upperHigh, isNarrow);
    }
    const lowerScale = v128.andnot(v128.load(laneScales), lowerMask(alike));
    const upperScale = v128.andnot(v128.load(laneScales, 16), upperMask(alike));
    v128.store(scales + at, fourOf(lowerScale, upperScale));
    v128.store(inverses + at, joinLower(inverseOf(lowerScale), inverseOf(upperScale)));
    const chosen = v128.andnot(v128.load(laneWidths), alike);
    v128.store32_lane(widths + place, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(chosen, chosen), chosen), 0);
  }
}

/** What becomes the start has code 0 and no error. */
function replaceOutliers(numbers: usize, length: i32, rowBytes: usize, tau: f32, by: v128): void {
  const most = f32x4.splat(tau);
  for (let row = 0; row < length; row++, numbers += rowBytes) {
    const x = v128.load(numbers);
    v128.store(numbers, v128.bitselect(x, by, f32x4.le(f32x4.abs(x), most)));
  }
}

/** A mask of four, two of them widened. */
function lowerMask(four: v128): v128 {
  return i32x4.shuffle(four, four, 0, 0, 1, 1);
}

function upperMask(four: v128): v128 {
  return i32x4.shuffle(four, four, 2, 2, 3, 3);
}

/** 2^width - 1 of two lanes from `lane` on, for their widths less `below`. */
function stepsOf(lane: usize, below: i32): v128 {
  const a = load<i32>(laneWidths + (lane << 2)) - below;
  const b = load<i32>(laneWidths + (lane << 2), 4) - below;
  return v128.load64_lane(stepsOfWidth + ((<usize>b) << 3), v128.load64_zero(stepsOfWidth + ((<usize>a) << 3)), 1);
}

/** The smallest width of each lane whose evenly spread errors would pass, or the largest: a guess, and where it is wrong others. */
function findFirstWidths(
  length: i32,
  maxWidth: i32,
  lower: v128,
  upper: v128,
  lowerHigh: v128,
  upperHigh: v128,
  isNarrow: bool,
): void {
  const count = f64x2.splat(<f64>length);
  const lowerRange = f64x2.sub(lowerHigh, lower);
  const upperRange = f64x2.sub(upperHigh, upper);
  v128.store(errors, f64x2.div(f64x2.mul(f64x2.mul(lowerRange, lowerRange), count), f64x2.splat(12)));
  v128.store(errors, f64x2.div(f64x2.mul(f64x2.mul(upperRange, upperRange), count), f64x2.splat(12)), 16);
  for (let lane: usize = 0; lane < 4; lane++) guessWidth(lane, maxWidth);
  let changed = true;
  while (changed) {
    setScales(lower, upper, lowerHigh, upperHigh, isNarrow);
    const tooWide = areTooWide(count, laneScales);
    const tooWideBelow = areTooWide(count, scalesBelow);
    const width = v128.load(laneWidths);
    const up = v128.and(tooWide, i32x4.lt_s(width, i32x4.splat(maxWidth)));
    const down = v128.andnot(i32x4.gt_s(width, i32x4.splat(smallestWidth)), tooWideBelow);
    const open = i32x4.ne(v128.load(states), i32x4.splat(found));
    // A mask is -1.
    const next = i32x4.add(i32x4.sub(width, v128.and(up, open)), v128.and(v128.andnot(down, up), open));
    changed = v128.any_true(v128.xor(next, width));
    v128.store(laneWidths, next);
  }
}

/** From the range alone, as scales take time. */
function guessWidth(lane: usize, maxWidth: i32): void {
  const spread = load<f64>(errors + (lane << 3));
  const most = load<f64>(mosts + (lane << 3));
  let width = smallestWidth;
  while (width < maxWidth) {
    const steps = load<f64>(stepsOfWidth + ((<usize>width) << 3));
    if (!(spread > most * steps * steps)) break;
    width++;
  }
  store<i32>(laneWidths + (lane << 2), width);
}

/** Which of four scales would not pass if errors were evenly spread. */
function areTooWide(count: v128, scales: usize): v128 {
  return joinMasks(isTooWide(count, scales, mosts), isTooWide(count, scales + 16, mosts + 16));
}

function isTooWide(count: v128, scales: usize, most: usize): v128 {
  const scale = v128.load(scales);
  return f64x2.gt(f64x2.div(f64x2.mul(count, f64x2.mul(scale, scale)), f64x2.splat(12)), v128.load(most));
}

/** Sets the scales of the widths, and of those one below. */
function setScales(lower: v128, upper: v128, lowerHigh: v128, upperHigh: v128, isNarrow: bool): void {
  v128.store(laneScales, scaleOf(lower, lowerHigh, stepsOf(0, 0), isNarrow));
  v128.store(laneScales, scaleOf(upper, upperHigh, stepsOf(2, 0), isNarrow), 16);
  v128.store(scalesBelow, scaleOf(lower, lowerHigh, stepsOf(0, 1), isNarrow));
  v128.store(scalesBelow, scaleOf(upper, upperHigh, stepsOf(2, 1), isNarrow), 16);
}

/** Two masks of two as one of four. */
function joinMasks(lower: v128, upper: v128): v128 {
  return i32x4.shuffle(lower, upper, 0, 2, 4, 6);
}

function allFound(): bool {
  return i32x4.all_true(i32x4.eq(v128.load(states), i32x4.splat(found)));
}

/** What the errors of a width, and of the one below it, mean for the search of a lane. @returns whether its width changes */
function step(lane: usize, maxWidth: i32): bool {
  const state = load<i32>(states + (lane << 2));
  if (state === found) return false;
  const most = load<f64>(mosts + (lane << 3));
  const passes = load<f64>(errors + (lane << 3)) <= most;
  const passesBelow = load<f64>(errorsBelow + (lane << 3)) <= most;
  const before = load<i32>(laneWidths + (lane << 2));
  let width = before;
  let next = found;
  if (state === goingUp ? !passes : state === begun && !passes) {
    width = min(width + 1, maxWidth);
    if (width < maxWidth) next = goingUp;
  } else if (state !== goingUp && width > smallestWidth && passesBelow) {
    width--;
    if (width > smallestWidth) next = goingDown;
  }
  store<i32>(laneWidths + (lane << 2), width);
  store<i32>(states + (lane << 2), next);
  return width !== before;
}

/**
 * Sets `errors` and `errorsBelow`: the sums of squared errors of each lane's width, and of the one below it. They are taken in
 * f32 over each block, rows 0, 4, 8, ... apart from 1, 5, 9, ... and so on, and in f64 over the blocks.
 */
function measureErrors(room: usize, length: i32, start: v128): void {
  const bias = v128.load32_splat(c.roundingBias);
  const inverse = inversesOf(laneScales);
  const inverseBelow = inversesOf(scalesBelow);
  v128.store(errors, f64x2.splat(0));
  v128.store(errors, f64x2.splat(0), 16);
  v128.store(errorsBelow, f64x2.splat(0));
  v128.store(errorsBelow, f64x2.splat(0), 16);
  for (let left = length; left > 0; left -= blockLength) {
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c2 = f32x4.splat(0);
    let d = f32x4.splat(0);
    let aBelow = f32x4.splat(0);
    let bBelow = f32x4.splat(0);
    let cBelow = f32x4.splat(0);
    let dBelow = f32x4.splat(0);
    const rows = min(left, blockLength);
    const end = room + ((<usize>(rows & ~3)) << 4);
    for (; room < end; room += 64) {
      const x0 = f32x4.sub(v128.load(room), start);
      const x1 = f32x4.sub(v128.load(room, 16), start);
      const x2 = f32x4.sub(v128.load(room, 32), start);
      const x3 = f32x4.sub(v128.load(room, 48), start);
      a = f32x4.add(a, squareOf(x0, inverse, bias));
      b = f32x4.add(b, squareOf(x1, inverse, bias));
      c2 = f32x4.add(c2, squareOf(x2, inverse, bias));
      d = f32x4.add(d, squareOf(x3, inverse, bias));
      aBelow = f32x4.add(aBelow, squareOf(x0, inverseBelow, bias));
      bBelow = f32x4.add(bBelow, squareOf(x1, inverseBelow, bias));
      cBelow = f32x4.add(cBelow, squareOf(x2, inverseBelow, bias));
      dBelow = f32x4.add(dBelow, squareOf(x3, inverseBelow, bias));
    }
    if ((rows & 3) > 0) {
      const x = f32x4.sub(v128.load(room), start);
      a = f32x4.add(a, squareOf(x, inverse, bias));
      aBelow = f32x4.add(aBelow, squareOf(x, inverseBelow, bias));
    }
    if ((rows & 3) > 1) {
      const x = f32x4.sub(v128.load(room, 16), start);
      b = f32x4.add(b, squareOf(x, inverse, bias));
      bBelow = f32x4.add(bBelow, squareOf(x, inverseBelow, bias));
    }
    if ((rows & 3) > 2) {
      const x = f32x4.sub(v128.load(room, 32), start);
      c2 = f32x4.add(c2, squareOf(x, inverse, bias));
      cBelow = f32x4.add(cBelow, squareOf(x, inverseBelow, bias));
    }
    addJoined(errors, a, b, c2, d);
    addJoined(errorsBelow, aBelow, bBelow, cBelow, dBelow);
  }
  scaleErrors(errors, laneScales);
  scaleErrors(errorsBelow, scalesBelow);
}

function inversesOf(scales: usize): v128 {
  return joinLower(inverseOf(v128.load(scales)), inverseOf(v128.load(scales, 16)));
}

/** Adds (a + b) + (c + d) to four sums in f64. */
function addJoined(sums: usize, a: v128, b: v128, c2: v128, d: v128): void {
  const lower = f64x2.add(f64x2.add(lowerOf(a), lowerOf(b)), f64x2.add(lowerOf(c2), lowerOf(d)));
  const upper = f64x2.add(f64x2.add(upperOf(a), upperOf(b)), f64x2.add(upperOf(c2), upperOf(d)));
  v128.store(sums, f64x2.add(v128.load(sums), lower));
  v128.store(sums, f64x2.add(v128.load(sums, 16), upper), 16);
}

function scaleErrors(sums: usize, scales: usize): void {
  for (let half: usize = 0; half < 32; half += 16) {
    const scale = v128.load(scales + half);
    v128.store(sums + half, f64x2.mul(f64x2.mul(v128.load(sums + half), scale), scale));
  }
}

/** The square of how far a number of steps is from the nearest whole one. @param x the number less the start */
function squareOf(x: v128, inverse: v128, bias: v128): v128 {
  const steps = f32x4.mul(x, inverse);
  const off = f32x4.sub(steps, f32x4.sub(f32x4.add(steps, bias), bias));
  return f32x4.mul(off, off);
}
