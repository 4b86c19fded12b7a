/** The smallest width for each of four columns at a time that keeps its budget; defined in src/kernels/tabq.ts. */

import { firstOfFour, fourBytes, gather, gathered } from './columns';
import { fourOf, inverseOf, joinLower, lowerOf, lowOf, scaleOf, upperOf } from './pairs';
import { errors, errorsBelow, scales as laneScales, measureErrors, scalesBelow } from './tabq-errors';

const smallestWidth = 2;
/** 2^width - 1 of each width up to 8. */
const stepsOfWidth = memory.data<f64>([0, 1, 3, 7, 15, 31, 63, 127, 255]);

/** Of the four columns at hand: what errors may be (f64), widths, and how each search stands (i32). */
const mosts = memory.data(32, 16);
const laneWidths = memory.data(16, 16);
const states = memory.data(16, 16);

/** How the search of a lane stands. */
const begun: i32 = 0;
const goingDown: i32 = 1;
const goingUp: i32 = 2;
const found: i32 = 3;

/**
 * The second pass: widths, starts, scales and inverses. Elements that are outside become the start of their column.
 * @param room for `length` * 64 bytes
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
  for (let column = 0, from = room; column < columns; column += 4, from += fourBytes(length)) {
    if (column % gathered === 0) {
      from = room;
      const end = min(column + gathered, columns);
      for (let next = column; next < end; next += 4) {
        begin(numbers, length, columns, next, tau, isNarrow, lows, highs, outsides, starts);
      }
      gather(numbers, column, columns, room, length);
    }
    const place = firstOfFour(column, columns);
    const at = (<usize>place) << 2;
    const low = v128.load(lows + at);
    const high = v128.load(highs + at);
    const alike = f32x4.eq(low, high);
    const lower = lowOf(lowerOf(low), isNarrow);
    const upper = lowOf(upperOf(low), isNarrow);
    const start = v128.load(starts + at);
    const budget = f64x2.splat(delta);
    v128.store(mosts, f64x2.mul(budget, v128.load(energies + 2 * at)));
    v128.store(mosts, f64x2.mul(budget, v128.load(energies + 2 * at, 16)), 16);
    const lowerHigh = lowerOf(high);
    const upperHigh = upperOf(high);
    v128.store(states, v128.and(alike, i32x4.splat(found)));
    findFirstWidths(length, maxWidth, lower, upper, lowerHigh, upperHigh, isNarrow);
    while (!allFound()) {
      measureErrors(from, length, start);
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

/** Sets the starts of four columns, from which on their elements are counted, and puts them in the places of outliers. */
function begin(
  numbers: usize,
  length: i32,
  columns: i32,
  column: i32,
  tau: f32,
  isNarrow: bool,
  lows: usize,
  highs: usize,
  outsides: usize,
  starts: usize,
): void {
  const at = (<usize>firstOfFour(column, columns)) << 2;
  const low = v128.load(lows + at);
  const alike = f32x4.eq(low, v128.load(highs + at));
  const start = v128.bitselect(low, fourOf(lowOf(lowerOf(low), isNarrow), lowOf(upperOf(low), isNarrow)), alike);
  v128.store(starts + at, start);
  if (v128.any_true(v128.load(outsides + at))) {
    replaceOutliers(numbers + at, length, (<usize>columns) << 2, tau, start);
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
  const lowerGuess = guessWidths(count, f64x2.sub(lowerHigh, lower), v128.load(mosts), maxWidth);
  const upperGuess = guessWidths(count, f64x2.sub(upperHigh, upper), v128.load(mosts, 16), maxWidth);
  v128.store(laneWidths, joinMasks(lowerGuess, upperGuess));
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

/** Widths of two lanes (i64), from their ranges alone, as scales take time. */
function guessWidths(count: v128, range: v128, most: v128, maxWidth: i32): v128 {
  const spread = f64x2.div(f64x2.mul(f64x2.mul(range, range), count), f64x2.splat(12));
  let width = i64x2.splat(smallestWidth);
  for (let tried = smallestWidth; tried < maxWidth; tried++) {
    const steps = load<f64>(stepsOfWidth + ((<usize>tried) << 3));
    // A mask is -1.
    width = i64x2.sub(width, f64x2.gt(spread, f64x2.mul(most, f64x2.splat(steps * steps))));
  }
  return width;
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

/** Two masks, or small numbers, of two as one of four. */
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
