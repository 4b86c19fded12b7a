/** From a range to steps, and from elements to codes; defined in src/kernels/quantise.ts. */
import * as c from './constants';

/** 2^(max(exponent of x, -14) - 10). */
function halfUlp(x: f64): f64 {
  const exponent = <i32>((reinterpret<u64>(x) >> 52) & 0x7ff) - 1023;
  return reinterpret<f64>((<u64>(max(exponent, -14) - 10 + 1023)) << 52);
}

function halfBelow(x: f64): f64 {
  const ulp = halfUlp(x);
  return Math.floor(x / ulp) * ulp;
}

function halfAbove(x: f64): f64 {
  const ulp = halfUlp(x);
  return Math.ceil(x / ulp) * ulp;
}

export function fitsHalf(low: f64, high: f64): bool {
  if (max(abs(low), abs(high)) > 32_768) return false;
  if (low === high) return halfBelow(low) === low;
  return high - low >= 1.0 / 4096 && high - low >= abs(low) / 32;
}

export function lowOf(low: f64, narrow: bool): f64 {
  return narrow ? halfBelow(low) : low;
}

export function scaleOf(low: f64, high: f64, width: i32, narrow: bool): f64 {
  if (high === low) return 0;
  const exact = (high - low) / <f64>((1 << width) - 1);
  return narrow ? halfAbove(exact) : max(<f64>(<f32>exact), reinterpret<f64>((<u64>(1023 - 126)) << 52));
}

export function inverseOf(scale: f64): f32 {
  return scale === 0 ? 0 : <f32>(1 / scale);
}

/**
 * Writes the codes of a row; those of elements above `tau` in magnitude are 0. Up to 16 elements after the last are read
 * and as many codes written.
 */
export function quantiseRow(row: usize, codes: usize, length: i32, tau: f32, low: f32, scale: f64, width: i32): void {
  const lows = f32x4.splat(low);
  const inverses = f32x4.splat(inverseOf(scale));
  const bias = v128.load32_splat(c.roundingBias);
  const most = i32x4.add(bias, i32x4.splat((1 << width) - 1));
  const mask = v128.load32_splat(c.codeMask);
  const taus = f32x4.splat(tau);
  const sizeMask = v128.load32_splat(c.sizeMask);
  const end = codes + length;
  for (; codes < end; codes += 16, row += 64) {
    const x0 = code(v128.load(row), lows, inverses, bias, most, mask, sizeMask, taus);
    const x1 = code(v128.load(row, 16), lows, inverses, bias, most, mask, sizeMask, taus);
    const x2 = code(v128.load(row, 32), lows, inverses, bias, most, mask, sizeMask, taus);
    const x3 = code(v128.load(row, 48), lows, inverses, bias, most, mask, sizeMask, taus);
    v128.store(codes, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(x0, x1), i16x8.narrow_i32x4_u(x2, x3)));
  }
}

function code(
  x: v128,
  lows: v128,
  inverses: v128,
  bias: v128,
  most: v128,
  mask: v128,
  sizeMask: v128,
  taus: v128,
): v128 {
  // In the lowest bits of what is biased stands the code; so the order of the bits is that of the codes.
  const biased = f32x4.add(f32x4.mul(f32x4.sub(x, lows), inverses), bias);
  const inside = f32x4.le(v128.and(x, sizeMask), taus);
  return v128.and(v128.and(i32x4.min_s(biased, most), mask), inside);
}
