/** The smallest width for each group that keeps a budget; defined in src/kernels/tabq.ts. Groups are rows here. */
import * as c from './constants';
import { lanesBelow } from './lanes';
import { fitsHalf, inverseOf, lowOf, quantiseRow, scaleOf } from './quantise';
import { energy, findRange, high, inside, low } from './ranges';

const smallestWidth = 2;
/** Elements whose squared errors are summed in f32. */
const blockLength = 64;

let narrow: bool = false;

/** Whether the rows that were measured last can be narrow. */
export function areNarrow(): bool {
  return narrow;
}

/**
 * The first pass.
 * @param lows room for an f32 for each row, `highs` and `outsides` likewise, `energies` for an f64
 */
export function measureRows(
  numbers: usize,
  rows: i32,
  length: i32,
  tau: f32,
  lows: usize,
  highs: usize,
  outsides: usize,
  energies: usize,
): void {
  narrow = true;
  for (let row = 0; row < rows; row++, numbers += <usize>length * 4) {
    findRange(numbers, length, tau);
    narrow = narrow && fitsHalf(low, high);
    const at = <usize>row * 4;
    store<f32>(lows + at, low);
    store<f32>(highs + at, high);
    store<i32>(outsides + at, length - inside);
    store<f64>(energies + 2 * at, energy);
  }
}

/**
 * The second pass. It overwrites what is outside.
 * @param scales holds the highest element of each row, and the scales afterwards
 * @param widths room for a byte for each row
 * @param codes room for a byte for each element and 16 more
 */
export function encodeRows(
  numbers: usize,
  rows: i32,
  length: i32,
  tau: f32,
  delta: f64,
  maxWidth: i32,
  isNarrow: bool,
  lows: usize,
  scales: usize,
  outsides: usize,
  energies: usize,
  widths: usize,
  codes: usize,
): void {
  for (let row = 0; row < rows; row++, numbers += <usize>length * 4, codes += length) {
    const at = <usize>row * 4;
    const lowest = load<f32>(lows + at);
    const highest = load<f32>(scales + at);
    if (lowest === highest) {
      store<f32>(scales + at, 0);
      store<u8>(widths + row, 0);
      memory.fill(codes, 0, length);
      continue;
    }
    const start = lowOf(lowest, isNarrow);
    if (load<i32>(outsides + at) > 0) replaceOutliers(numbers, length, tau, <f32>start);
    const most = delta * load<f64>(energies + 2 * at);
    const width = widthOf(numbers, length, most, maxWidth, start, highest, isNarrow);
    const scale = scaleOf(start, highest, width, isNarrow);
    store<f32>(lows + at, <f32>start);
    store<f32>(scales + at, <f32>scale);
    store<u8>(widths + row, <u8>width);
    quantiseRow(numbers, codes, length, <f32>start, scale);
  }
}

/** What becomes the lowest element has code 0 and no error. */
function replaceOutliers(numbers: usize, length: i32, tau: f32, by: f32): void {
  const end = numbers + <usize>length * 4;
  for (; numbers < end; numbers += 4) {
    if (!(abs(load<f32>(numbers)) <= tau)) store<f32>(numbers, by);
  }
}

function widthOf(numbers: usize, length: i32, most: f64, maxWidth: i32, start: f64, highest: f64, isNarrow: bool): i32 {
  let width = firstWidth(length, most, maxWidth, start, highest, isNarrow);
  measureErrors(numbers, length, start, highest, width, isNarrow);
  if (error <= most) {
    if (width === smallestWidth || errorBelow > most) return width;
    width--;
    while (width > smallestWidth) {
      measureErrors(numbers, length, start, highest, width - 1, isNarrow);
      if (error > most) break;
      width--;
    }
    return width;
  }
  for (width++; width < maxWidth; width++) {
    measureErrors(numbers, length, start, highest, width, isNarrow);
    if (error <= most) break;
  }
  return min(width, maxWidth);
}

/** The smallest width whose evenly spread errors would pass; the search begins at a guess, as each scale takes time. */
function firstWidth(length: i32, most: f64, maxWidth: i32, start: f64, highest: f64, isNarrow: bool): i32 {
  const steps = ((highest - start) * (highest - start) * <f64>length) / 12;
  let width = smallestWidth;
  while (width < maxWidth && steps > most * <f64>(((1 << width) - 1) * ((1 << width) - 1))) width++;
  while (width > smallestWidth && !isTooWide(length, most, scaleOf(start, highest, width - 1, isNarrow))) width--;
  while (width < maxWidth && isTooWide(length, most, scaleOf(start, highest, width, isNarrow))) width++;
  return width;
}

function isTooWide(length: i32, most: f64, scale: f64): bool {
  return (<f64>length * (scale * scale)) / 12 > most;
}

/** Of a width, and of the one below it, which is often asked for next. */
let error: f64 = 0;
let errorBelow: f64 = 0;

/** Sets `error` and `errorBelow`: the sums of squared errors. */
function measureErrors(numbers: usize, length: i32, start: f64, highest: f64, width: i32, isNarrow: bool): void {
  const scale = scaleOf(start, highest, width, isNarrow);
  const scaleBelow = scaleOf(start, highest, width - 1, isNarrow);
  const lows = f32x4.splat(<f32>start);
  const inverses = f32x4.splat(inverseOf(scale));
  const inversesBelow = f32x4.splat(inverseOf(scaleBelow));
  const bias = v128.load32_splat(c.roundingBias);
  error = 0;
  errorBelow = 0;
  for (let left = length; left > 0; left -= blockLength) {
    let sum = f32x4.splat(0);
    let sumBelow = f32x4.splat(0);
    const end = numbers + <usize>(min(left, blockLength) & ~3) * 4;
    for (; numbers < end; numbers += 16) {
      const x = f32x4.sub(v128.load(numbers), lows);
      sum = f32x4.add(sum, squareOf(f32x4.mul(x, inverses), bias));
      sumBelow = f32x4.add(sumBelow, squareOf(f32x4.mul(x, inversesBelow), bias));
    }
    if (left < blockLength && (left & 3) !== 0) {
      const lanes = lanesBelow(left & 3);
      const x = f32x4.sub(v128.load(numbers), lows);
      sum = f32x4.add(sum, v128.and(squareOf(f32x4.mul(x, inverses), bias), lanes));
      sumBelow = f32x4.add(sumBelow, v128.and(squareOf(f32x4.mul(x, inversesBelow), bias), lanes));
    }
    error += sumOf(sum);
    errorBelow += sumOf(sumBelow);
  }
  error = error * scale * scale;
  errorBelow = errorBelow * scaleBelow * scaleBelow;
}

/** The square of how far a number is from the nearest whole one. */
function squareOf(steps: v128, bias: v128): v128 {
  const off = f32x4.sub(steps, f32x4.sub(f32x4.add(steps, bias), bias));
  return f32x4.mul(off, off);
}

/** (0 + 1) + (2 + 3) in f64. */
function sumOf(four: v128): f64 {
  const first = f64x2.promote_low_f32x4(four);
  const last = f64x2.promote_low_f32x4(i64x2.shuffle(four, four, 1, 0));
  return (
    f64x2.extract_lane(first, 0) +
    f64x2.extract_lane(first, 1) +
    (f64x2.extract_lane(last, 0) + f64x2.extract_lane(last, 1))
  );
}
