/** Division of whole numbers by frequencies, ahead of the loops that would have to wait for it. */

/** From here on a binary64 holds whole numbers only: added to a smaller one, it leaves that in the lowest bits. */
const unit: f64 = 4503599627370496;

/**
 * 2^bits / frequency, rounded up.
 * @param frequency 1 to 2^14
 * @param bits up to 46: the quotient as a binary64 is then nearer to the exact one than any whole number that is not equal to it
 */
export function reciprocalOf(frequency: u32, bits: u64): u64 {
  const quotient = ceil<f64>(<f64>((<u64>1) << bits) / <f64>frequency);
  // As a conversion, which takes longer, as it looks whether the number fits.
  return reinterpret<u64>(quotient + unit) ^ reinterpret<u64>(unit);
}
