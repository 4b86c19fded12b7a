/** Digits of 16 bits, the highest first, of which the bits of a binary64 consist. */
const digits = 4;
const digitBits = 16;

/**
 * The largest number but `rank - 1`: as many are at least as large as this. Digit by digit of their bits, which are in the
 * order of the numbers as none is negative; so it takes the same time whatever their order.
 * @param numbers from 0 to infinity
 * @param rank 1 to their count
 */
export function largest(numbers: Float64Array<ArrayBuffer>, rank: number): number {
  let left = new Uint16Array(numbers.buffer, numbers.byteOffset, numbers.length * digits);
  const found = new Uint16Array(digits);
  let below = rank;
  for (let digit = digits - 1; digit >= 0; digit--) {
    const counts = countDigits(left, digit);
    let own = counts.length - 1;
    for (; below > (counts[own] as number); own--) below -= counts[own] as number;
    found[digit] = own;
    left = withDigit(left, digit, own, counts[own] as number);
  }
  return new Float64Array(found.buffer)[0] as number;
}

/** How many numbers have each value of a digit. The lowest comes first: all hosts of WebAssembly are little-endian. */
function countDigits(numbers: Uint16Array, digit: number): Uint32Array {
  const counts = new Uint32Array(1 << digitBits);
  for (let at = digit; at < numbers.length; at += digits) {
    const own = numbers[at] as number;
    counts[own] = (counts[own] as number) + 1;
  }
  return counts;
}

/** The `count` numbers with a value of a digit. */
function withDigit(numbers: Uint16Array, digit: number, value: number, count: number): Uint16Array<ArrayBuffer> {
  const some = new Uint16Array(count * digits);
  for (let from = 0, to = 0; from < numbers.length; from += digits) {
    if (numbers[from + digit] !== value) continue;
    for (let i = 0; i < digits; i++) some[to++] = numbers[from + i] as number;
  }
  return some;
}
