/** log2 of whole numbers in 1/256; defined in src/entropy/log2.ts. */

const tableBits = 12;
const fractions = memory.data(1 << (tableBits - 1));
makeFractions();

function makeFractions(): void {
  const first = 1 << (tableBits - 1);
  for (let i = 0; i < first; i++) store<u8>(fractions + <usize>i, fractionOf(i + first));
}

function fractionOf(number: u32): u32 {
  let mantissa: u32 = number << (16 - tableBits);
  let fraction: u32 = 0;
  for (let bit = 0; bit < 8; bit++) {
    mantissa = <u32>((<u64>mantissa * mantissa) >> 15);
    const above: u32 = mantissa >>> 16;
    mantissa >>>= above;
    fraction = fraction * 2 + above;
  }
  return fraction;
}

export function log2Of(number: u32): u32 {
  const whole: i32 = 31 - clz<u32>(number);
  const lead: u32 = whole < tableBits ? number << (tableBits - 1 - whole) : number >>> (whole - tableBits + 1);
  return ((<u32>whole) << 8) + load<u8>(fractions + lead - (1 << (tableBits - 1)));
}
