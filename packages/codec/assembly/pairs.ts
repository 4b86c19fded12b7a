/** As quantise.ts, for two groups at a time: what is computed is defined in src/kernels/quantise.ts. Numbers are f64x2. */

const exponentMask: i64 = 0x7ff;
/** The exponent of the smallest normal binary16 number, as binary64 has it. */
const smallestExponent: i64 = 1023 - 14;

/** The biased exponent of each, at least that of the smallest normal binary16 number. */
function exponentOf(x: v128): v128 {
  const exponent = v128.and(i64x2.shr_u(x, 52), i64x2.splat(exponentMask));
  const smallest = i64x2.splat(smallestExponent);
  return v128.bitselect(exponent, smallest, i64x2.gt_s(exponent, smallest));
}

/** The distance of binary16 numbers around those with such exponents: ten bits are behind the leading one. */
function ulpOf(exponent: v128): v128 {
  return i64x2.shl(i64x2.sub(exponent, i64x2.splat(10)), 52);
}

function perUlpOf(exponent: v128): v128 {
  return i64x2.shl(i64x2.sub(i64x2.splat(2 * 1023 + 10), exponent), 52);
}

function halfBelow(x: v128): v128 {
  const exponent = exponentOf(x);
  return f64x2.mul(f64x2.floor(f64x2.mul(x, perUlpOf(exponent))), ulpOf(exponent));
}

function halfAbove(x: v128): v128 {
  const exponent = exponentOf(x);
  return f64x2.mul(f64x2.ceil(f64x2.mul(x, perUlpOf(exponent))), ulpOf(exponent));
}

/** All bits of those that binary16 is good enough for. */
export function fitsHalf(low: v128, high: v128): v128 {
  const size = f64x2.abs(low);
  const range = f64x2.sub(high, low);
  const wide = v128.and(
    f64x2.ge(range, f64x2.splat(1.0 / 4096)),
    f64x2.ge(range, f64x2.mul(size, f64x2.splat(1.0 / 32))),
  );
  const exact = f64x2.eq(halfBelow(low), low);
  const small = f64x2.le(f64x2.pmax(size, f64x2.abs(high)), f64x2.splat(32_768));
  return v128.and(small, v128.bitselect(exact, wide, f64x2.eq(low, high)));
}

export function lowOf(low: v128, narrow: bool): v128 {
  return narrow ? halfBelow(low) : low;
}

/** @param steps 2^width - 1 */
export function scaleOf(low: v128, high: v128, steps: v128, narrow: bool): v128 {
  const exact = f64x2.div(f64x2.sub(high, low), steps);
  const least = f64x2.splat(reinterpret<f64>((<u64>(1023 - 126)) << 52));
  const scale = narrow ? halfAbove(exact) : f64x2.pmax(f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(exact)), least);
  return v128.andnot(scale, f64x2.eq(high, low));
}

/** f32 in the lower half. */
export function inverseOf(scale: v128): v128 {
  const none = f64x2.eq(scale, f64x2.splat(0));
  const inverse = f64x2.div(f64x2.splat(1), v128.bitselect(f64x2.splat(1), scale, none));
  return f32x4.demote_f64x2_zero(v128.andnot(inverse, none));
}

/** The numbers of the lower two lanes and of the upper two. */
export function lowerOf(four: v128): v128 {
  return f64x2.promote_low_f32x4(four);
}

export function upperOf(four: v128): v128 {
  return f64x2.promote_low_f32x4(i64x2.shuffle(four, four, 1, 0));
}

/** Four f32 of two and two f64. */
export function fourOf(lower: v128, upper: v128): v128 {
  return joinLower(f32x4.demote_f64x2_zero(lower), f32x4.demote_f64x2_zero(upper));
}

/** The lower halves of both. */
export function joinLower(a: v128, b: v128): v128 {
  return i64x2.shuffle(a, b, 0, 2);
}
