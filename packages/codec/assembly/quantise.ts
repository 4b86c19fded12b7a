/** From a range to steps, and from elements to codes; defined in src/kernels/quantise.ts. */
import * as c from './constants';

/** The exponent of 2^(max(exponent of x, -14) - 10). */
function halfUlpExponent(x: f64): i32 {
  const exponent = <i32>((reinterpret<u64>(x) >> 52) & 0x7ff) - 1023;
  return max(exponent, -14) - 10;
}

function powerOfTwo(exponent: i32): f64 {
  return reinterpret<f64>((<u64>(exponent + 1023)) << 52);
}

function halfBelow(x: f64): f64 {
  const exponent = halfUlpExponent(x);
  return floor<f64>(x * powerOfTwo(-exponent)) * powerOfTwo(exponent);
}

function halfAbove(x: f64): f64 {
  const exponent = halfUlpExponent(x);
  return ceil<f64>(x * powerOfTwo(-exponent)) * powerOfTwo(exponent);
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
 * Writes the codes of a row, all of whose elements are in its range. Up to 16 elements after the last are read and as many
 * codes written.
 */
export function quantiseRow(row: usize, codes: usize, length: i32, low: f32, scale: f64): void {
  const lows = f32x4.splat(low);
  const inverses = f32x4.splat(inverseOf(scale));
  const bias = v128.load32_splat(c.roundingBias);
  const mask = v128.load32_splat(c.codeMask);
  const end = codes + length;
  for (; codes < end; codes += 16, row += 64) {
    const x0 = code(v128.load(row), lows, inverses, bias, mask);
    const x1 = code(v128.load(row, 16), lows, inverses, bias, mask);
    const x2 = code(v128.load(row, 32), lows, inverses, bias, mask);
    const x3 = code(v128.load(row, 48), lows, inverses, bias, mask);
    v128.store(codes, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(x0, x1), i16x8.narrow_i32x4_u(x2, x3)));
  }
}

/**
 * Once biased, the code stands in the lowest bits. It needs no limit: the highest element is at most a few roundings, far
 * less than half a step, above the highest code.
 */
export function code(x: v128, lows: v128, inverses: v128, bias: v128, mask: v128): v128 {
  return v128.and(f32x4.add(f32x4.mul(f32x4.sub(x, lows), inverses), bias), mask);
}
