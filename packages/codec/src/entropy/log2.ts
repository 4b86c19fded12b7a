const tableBits = 12;
/** log2 of 2^11 to 2^12 - 1 in 1/256, rounded down, less that of 2^11. */
const fractions = Uint8Array.from({ length: 1 << (tableBits - 1) }, (_, i) => fractionOf(i + (1 << (tableBits - 1))));

/** By squaring, in integers alone, for what is below 2^16: `Math.log2` does not promise the same on every machine. */
function fractionOf(number: number): number {
  let mantissa = number << (16 - tableBits);
  let fraction = 0;
  for (let bit = 0; bit < 8; bit++) {
    mantissa = Math.floor((mantissa * mantissa) / 2 ** 15);
    const above = mantissa >= 2 ** 16;
    if (above) mantissa >>>= 1;
    fraction = fraction * 2 + (above ? 1 : 0);
  }
  return fraction;
}

/** log2 in 1/256, rounded down, of the twelve leading bits of a whole number from 1 to 2^31 - 1; the same on every machine. */
export function log2Of(number: number): number {
  const whole = 31 - Math.clz32(number);
  const lead = whole < tableBits ? number << (tableBits - 1 - whole) : number >>> (whole - tableBits + 1);
  return whole * 256 + (fractions[lead - (1 << (tableBits - 1))] as number);
}
