/** The search for the smallest width of each of four columns that keeps its budget; defined in src/kernels/tabq.ts. */
import { scaleOf } from './pairs';
import { errors, errorsBelow, measureErrors, scales, scalesBelow } from './tabq-errors';

const smallestWidth = 2;
/** 2^width - 1 of each width up to 8. */
const stepsOfWidth = memory.data<f64>([0, 1, 3, 7, 15, 31, 63, 127, 255]);

/** Of the four columns at hand: what errors may be (f64), widths, and how each search stands (i32). */
export const mosts = memory.data(32, 16);
export const widths = memory.data(16, 16);
const states = memory.data(16, 16);

/** How the search of a lane stands. */
const begun: i32 = 0;
const goingDown: i32 = 1;
const goingUp: i32 = 2;
const found: i32 = 3;

/**
 * Sets `widths`, and with them `scales`.
 * @param room the four columns together
 * @param start of each, and `lower` and `upper` the same in f64; `lowerHigh` and `upperHigh` the largest element of each
 * @param alike all bits of the columns that need no width
 */
export function findWidths(
  room: usize,
  length: i32,
  maxWidth: i32,
  isNarrow: bool,
  start: v128,
  lower: v128,
  upper: v128,
  lowerHigh: v128,
  upperHigh: v128,
  alike: v128,
): void {
  v128.store(states, v128.and(alike, i32x4.splat(found)));
  findFirstWidths(length, maxWidth, lower, upper, lowerHigh, upperHigh, isNarrow);
  while (!allFound()) {
    measureErrors(room, length, start);
    if (step(maxWidth)) setScales(lower, upper, lowerHigh, upperHigh, isNarrow);
  }
}

/** 2^width - 1 of two lanes from `lane` on, for their widths less `below`. */
function stepsOf(lane: usize, below: i32): v128 {
  const a = load<i32>(widths + (lane << 2)) - below;
  const b = load<i32>(widths + (lane << 2), 4) - below;
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
  v128.store(widths, joinMasks(lowerGuess, upperGuess));
  let changed = true;
  while (changed) {
    setScales(lower, upper, lowerHigh, upperHigh, isNarrow);
    const tooWide = areTooWide(count, scales);
    const tooWideBelow = areTooWide(count, scalesBelow);
    const width = v128.load(widths);
    const up = v128.and(tooWide, i32x4.lt_s(width, i32x4.splat(maxWidth)));
    const down = v128.andnot(i32x4.gt_s(width, i32x4.splat(smallestWidth)), tooWideBelow);
    const open = i32x4.ne(v128.load(states), i32x4.splat(found));
    // A mask is -1.
    const next = i32x4.add(i32x4.sub(width, v128.and(up, open)), v128.and(v128.andnot(down, up), open));
    changed = v128.any_true(v128.xor(next, width));
    v128.store(widths, next);
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
function areTooWide(count: v128, steps: usize): v128 {
  return joinMasks(isTooWide(count, steps, mosts), isTooWide(count, steps + 16, mosts + 16));
}

function isTooWide(count: v128, steps: usize, most: usize): v128 {
  const scale = v128.load(steps);
  return f64x2.gt(f64x2.div(f64x2.mul(count, f64x2.mul(scale, scale)), f64x2.splat(12)), v128.load(most));
}

/** Sets the scales of the widths, and of those one below. */
function setScales(lower: v128, upper: v128, lowerHigh: v128, upperHigh: v128, isNarrow: bool): void {
  v128.store(scales, scaleOf(lower, lowerHigh, stepsOf(0, 0), isNarrow));
  v128.store(scales, scaleOf(upper, upperHigh, stepsOf(2, 0), isNarrow), 16);
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

/** Which of four errors are within their budgets. */
function arePassing(sums: usize): v128 {
  return joinMasks(f64x2.le(v128.load(sums), v128.load(mosts)), f64x2.le(v128.load(sums, 16), v128.load(mosts, 16)));
}

/** What the errors of each width, and of the one below it, mean for each search. @returns whether a width changes */
function step(maxWidth: i32): bool {
  const state = v128.load(states);
  const before = v128.load(widths);
  const isFound = i32x4.eq(state, i32x4.splat(found));
  const isUp = i32x4.eq(state, i32x4.splat(goingUp));
  const mayRise = v128.or(isUp, i32x4.eq(state, i32x4.splat(begun)));
  const mayFall = v128.andnot(i32x4.gt_s(before, i32x4.splat(smallestWidth)), v128.or(isUp, isFound));
  const rises = v128.andnot(mayRise, arePassing(errors));
  const falls = v128.andnot(v128.and(mayFall, arePassing(errorsBelow)), rises);
  // A mask is -1.
  const width = i32x4.min_s(i32x4.add(i32x4.sub(before, rises), falls), i32x4.splat(maxWidth));
  const up = v128.and(rises, i32x4.lt_s(width, i32x4.splat(maxWidth)));
  const down = v128.and(falls, i32x4.gt_s(width, i32x4.splat(smallestWidth)));
  const next = v128.bitselect(i32x4.splat(goingDown), i32x4.splat(found), down);
  v128.store(states, v128.bitselect(i32x4.splat(goingUp), next, up));
  v128.store(widths, width);
  return v128.any_true(v128.xor(width, before));
}
