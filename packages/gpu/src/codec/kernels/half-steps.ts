/** Binary16 numbers around an f32: as packages/codec/src/kernels/quantise.ts has them. Factors are powers of two, so products are exact. */
export const halfStepsText = `
fn halfExponent(x: f32) -> u32 { return max((bitcast<u32>(x) >> 23u) & 0xffu, 113u); }
fn halvesIn(x: f32) -> f32 { return x * bitcast<f32>((264u - halfExponent(x)) << 23u); }
fn halfUnit(x: f32) -> f32 { return bitcast<f32>((halfExponent(x) - 10u) << 23u); }
fn halfBelow(x: f32) -> f32 { return floor(halvesIn(x)) * halfUnit(x); }
fn halfAbove(x: f32) -> f32 { return ceil(halvesIn(x)) * halfUnit(x); }
fn fitsHalf(low: f32, high: f32) -> bool {
  if (max(abs(low), abs(high)) > 32768.0) { return false; }
  if (low == high) { return halfBelow(low) == low; }
  return high - low >= 0.000244140625 && high - low >= abs(low) * 0.03125;
}
fn scaleOf(low: f32, high: f32, width: u32, narrow: bool) -> f32 {
  if (high == low) { return 0.0; }
  let exact = (high - low) / f32((1u << width) - 1u);
  // 2^-126, whose inverse is finite.
  return select(max(exact, 1.1754943508222875e-38), halfAbove(exact), narrow);
}`;
