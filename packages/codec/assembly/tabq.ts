/** The smallest width for each group that keeps a budget; defined in src/kernels/tabq.ts. Groups are rows here. */
import * as c from './constants';
import { lanesBelow } from './lanes';
import { fitsHalf, inverseOf, lowOf, quantiseRow, scaleOf } from './quantise';
import { energy, findRangeAndEnergy, high, inside, low } from './ranges';

const smallestWidth = 2;
/** How many elements were outliers in the last `tabqEncode`. */
let outside: i32 = 0;

export function outlierCount(): i32 {
  return outside;
}

/**
 * @param lows room for an f32 for each row; `scales` likewise
 * @param energies room for an f64 for each row
 * @param widths room for a byte for each row
 * @param codes room for a byte for each element and 16 more
 * @returns whether the groups are narrow (1) or not (0)
 */
export function tabqEncode(
  numbers: usize,
  rows: i32,
  length: i32,
  tau: f32,
  delta: f64,
  maxWidth: i32,
  lows: usize,
  scales: usize,
  energies: usize,
  widths: usize,
  codes: usize,
): i32 {
  const rowBytes = <usize>length * 4;
  let narrow = delta >= 1.0 / 262_144;
  outside = 0;
  for (let row = 0; row < rows; row++) {
    findRangeAndEnergy(numbers + <usize>row * rowBytes, length, tau);
    outside += length - inside;
    narrow = narrow && fitsHalf(low, high);
    store<f32>(lows + <usize>row * 4, low);
    store<f32>(scales + <usize>row * 4, high);
    store<f64>(energies + <usize>row * 8, energy);
  }
  for (let row = 0; row < rows; row++) {
    const from = numbers + <usize>row * rowBytes;
    const at = <usize>row * 4;
    const most = delta * load<f64>(energies + <usize>row * 8);
    encodeRow(
      from,
      length,
      tau,
      most,
      maxWidth,
      narrow,
      lows + at,
      scales + at,
      widths + row,
      codes + <usize>row * length,
    );
  }
  return narrow ? 1 : 0;
}

/** @param scaleAt holds the group's highest element, and the scale afterwards */
function encodeRow(
  numbers: usize,
  length: i32,
  tau: f32,
  most: f64,
  maxWidth: i32,
  narrow: bool,
  lowAt: usize,
  scaleAt: usize,
  widthAt: usize,
  codes: usize,
): void {
  const lowest = load<f32>(lowAt);
  const highest = <f64>load<f32>(scaleAt);
  if (lowest === highest) {
    store<f32>(scaleAt, 0);
    store<u8>(widthAt, 0);
    memory.fill(codes, 0, length);
    return;
  }
  const start = lowOf(lowest, narrow);
  const width = widthOf(numbers, length, tau, most, maxWidth, start, highest, narrow);
  const scale = scaleOf(start, highest, width, narrow);
  store<f32>(lowAt, <f32>start);
  store<f32>(scaleAt, <f32>scale);
  store<u8>(widthAt, <u8>width);
  quantiseRow(numbers, codes, length, tau, <f32>start, scale, width);
}

function widthOf(
  numbers: usize,
  length: i32,
  tau: f32,
  most: f64,
  maxWidth: i32,
  start: f64,
  highest: f64,
  narrow: bool,
): i32 {
  let width = smallestWidth;
  for (; width < maxWidth; width++) {
    const scale = scaleOf(start, highest, width, narrow);
    if (!((<f64>length * (scale * scale)) / 12 > most)) break;
  }
  if (passes(numbers, length, tau, most, start, highest, width, narrow)) {
    while (width > smallestWidth && passes(numbers, length, tau, most, start, highest, width - 1, narrow)) width--;
    return width;
  }
  do width++;
  while (width < maxWidth && !passes(numbers, length, tau, most, start, highest, width, narrow));
  return min(width, maxWidth);
}

function passes(
  numbers: usize,
  length: i32,
  tau: f32,
  most: f64,
  start: f64,
  highest: f64,
  width: i32,
  narrow: bool,
): bool {
  const scale = scaleOf(start, highest, width, narrow);
  const error = errorOf(numbers, length, tau, <f32>start, inverseOf(scale), (1 << width) - 1);
  return error * scale * scale <= most;
}

/** The sum of squared errors, in steps squared. */
function errorOf(numbers: usize, length: i32, tau: f32, low: f32, inverse: f32, mostCode: i32): f64 {
  const lows = f32x4.splat(low);
  const inverses = f32x4.splat(inverse);
  const mostCodes = f32x4.splat(<f32>mostCode);
  const taus = f32x4.splat(tau);
  const bias = v128.load32_splat(c.roundingBias);
  const sizeMask = v128.load32_splat(c.sizeMask);
  let sum = f64x2.splat(0);
  let sum2 = f64x2.splat(0);
  for (let left = length; left > 0; left -= 4, numbers += 16) {
    const x = v128.load(numbers);
    let inside = f32x4.le(v128.and(x, sizeMask), taus);
    if (left < 4) inside = v128.and(inside, lanesBelow(left));
    const u = f32x4.mul(f32x4.sub(x, lows), inverses);
    const error = f32x4.sub(u, f32x4.pmin(f32x4.sub(f32x4.add(u, bias), bias), mostCodes));
    const square = v128.and(f32x4.mul(error, error), inside);
    sum = f64x2.add(sum, f64x2.promote_low_f32x4(square));
    sum2 = f64x2.add(sum2, f64x2.promote_low_f32x4(i64x2.shuffle(square, square, 1, 0)));
  }
  return (
    f64x2.extract_lane(sum, 0) +
    f64x2.extract_lane(sum, 1) +
    (f64x2.extract_lane(sum2, 0) + f64x2.extract_lane(sum2, 1))
  );
}

/**
 * Collects the elements that are above `tau` in magnitude or no numbers.
 * @param at room for the position of each, and `values` for each
 */
export function takeOutliers(numbers: usize, count: i32, tau: f32, at: usize, values: usize): void {
  const taus = f32x4.splat(tau);
  const sizeMask = v128.load32_splat(c.sizeMask);
  for (let i = 0; i < count; i += 4) {
    const inside = f32x4.le(v128.and(v128.load(numbers + <usize>i * 4), sizeMask), taus);
    if (i32x4.all_true(inside)) continue;
    for (let j = i; j < min(i + 4, count); j++) {
      const x = load<f32>(numbers + <usize>j * 4);
      if (abs(x) <= tau) continue;
      store<u32>(at, j);
      store<u32>(values, load<u32>(numbers + <usize>j * 4));
      at += 4;
      values += 4;
    }
  }
}
