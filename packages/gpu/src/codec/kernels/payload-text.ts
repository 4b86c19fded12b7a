/** Numbers anywhere in the bytes of `payload`, an array of words. */
export const payloadText = `
fn byteAt(at: u32) -> u32 { return (payload[at / 4u] >> (8u * (at % 4u))) & 0xffu; }
fn shortAt(at: u32) -> u32 { return byteAt(at) | (byteAt(at + 1u) << 8u); }
fn wordAt(at: u32) -> u32 { return shortAt(at) | (shortAt(at + 2u) << 16u); }`;

/** The bits of the f32 that a binary16 stands for: as `fromHalves` of packages/codec has them. */
export const halfText = `
fn bitsOfHalf(half: u32) -> u32 {
  let sign = (half & 0x8000u) << 16u;
  let exponent = (half >> 10u) & 31u;
  let fraction = half & 0x3ffu;
  // 2^-24.
  if (exponent == 0u) { return sign | bitcast<u32>(f32(fraction) * 5.9604644775390625e-8); }
  if (exponent == 31u) { return sign | 0x7f800000u | (fraction << 13u); }
  return sign | ((exponent + 112u) << 23u) | (fraction << 13u);
}`;
