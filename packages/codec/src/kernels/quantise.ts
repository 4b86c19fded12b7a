/**
 * The arithmetic that turns a group into steps. `f32(...)` is one rounding to binary32, nearest, ties to even; all else
 * is exact or binary64. NaN never comes here.
 */

/** The largest f32 that `nearest` may be asked for is far above any code. */
const roundingBias = 12_582_912;

/** The nearest whole number, ties to even, for |x| <= 2^22: f32(f32(x + 1.5 * 2^23) - 1.5 * 2^23). */
export function nearest(x: number): number {
  return Math.fround(Math.fround(x + roundingBias) - roundingBias);
}

/** The distance between binary16 numbers around x: 2^(max(exponent of |x|, -14) - 10), where 2^exponent <= |x|. */
function halfUlp(x: number): number {
  const size = Math.abs(x);
  let ulp = 2 ** -24;
  while (ulp * 2048 <= size) ulp *= 2;
  return ulp;
}

/** The largest binary16 number not above x; exact in binary64. */
export function halfBelow(x: number): number {
  const ulp = halfUlp(x);
  return Math.floor(x / ulp) * ulp;
}

/** The smallest binary16 number not below x; exact in binary64. */
export function halfAbove(x: number): number {
  const ulp = halfUlp(x);
  return Math.ceil(x / ulp) * ulp;
}

/**
 * Whether binary16 is good enough for low and scale of a group from `low` to `high`: a group of equal elements must stay
 * exact, any other may become at most a twentieth wider by rounding its low down and its scale up.
 */
export function fitsHalf(low: number, high: number): boolean {
  const most = Math.max(Math.abs(low), Math.abs(high));
  if (most > 32_768) return false;
  if (low === high) return halfBelow(low) === low;
  return high - low >= 2 ** -12 && high - low >= Math.abs(low) * 2 ** -5;
}

/** The low that travels: as it is, or rounded down to binary16. */
export function lowOf(low: number, narrow: boolean): number {
  return narrow ? halfBelow(low) : low;
}

/**
 * The step from one code to the next: f64 (high - low) / (2^width - 1), rounded up to binary16 if narrow, else to f32,
 * and then at least 2^-126, so that its inverse is finite. 0 if high is low.
 * @param low as `lowOf` gives it.
 */
export function scaleOf(low: number, high: number, width: number, narrow: boolean): number {
  if (high === low) return 0;
  const exact = (high - low) / ((1 << width) - 1);
  return narrow ? halfAbove(exact) : Math.max(Math.fround(exact), 2 ** -126);
}

/** What differences are multiplied by: f32(1 / scale), and 0 for the scale 0. */
export function inverseOf(scale: number): number {
  return scale === 0 ? 0 : Math.fround(1 / scale);
}
