/**
 * log2 in 1/256, rounded down, of a whole number from 1 to 2^31 - 1. By squaring, in integers alone: what is chosen by it is the
 * same on every machine, which `Math.log2` does not promise.
 */
export function log2Of(number: number): number {
  const whole = 31 - Math.clz32(number);
  let mantissa = whole <= 15 ? number << (15 - whole) : number >>> (whole - 15);
  let log = whole;
  for (let bit = 0; bit < 8; bit++) {
    // Both below 2^16: exact.
    mantissa = Math.floor((mantissa * mantissa) / 2 ** 15);
    const above = mantissa >= 2 ** 16;
    if (above) mantissa >>>= 1;
    log = log * 2 + (above ? 1 : 0);
  }
  return log;
}
