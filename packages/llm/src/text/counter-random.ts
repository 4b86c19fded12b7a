/** What the rounds of Philox multiply by, and add to the key. */
const multipliers = [0xd2511f53, 0xcd9e8d57] as const;
const increments = [0x9e3779b9, 0xbb67ae85] as const;
const rounds = 10;

type Words = readonly [number, number, number, number];

/**
 * Four random 32-bit words of a counter and a key: Philox4x32-10 (J. Salmon et al., "Parallel Random Numbers: As Easy as
 * 1, 2, 3", SC11). All words are unsigned.
 */
export function philox(counter: Words, key: readonly [number, number]): Words {
  let [a, b, c, d] = counter;
  let [left, right] = key;
  for (let round = 0; round < rounds; round++) {
    const nextA = (highProduct(multipliers[1], c) ^ b ^ left) >>> 0;
    const nextC = (highProduct(multipliers[0], a) ^ d ^ right) >>> 0;
    const nextB = Math.imul(multipliers[1], c) >>> 0;
    const nextD = Math.imul(multipliers[0], a) >>> 0;
    [a, b, c, d] = [nextA, nextB, nextC, nextD];
    left = (left + increments[0]) >>> 0;
    right = (right + increments[1]) >>> 0;
  }
  return [a, b, c, d];
}

/**
 * A random number in [0, 1) that belongs to a seed and a position: the upper 53 of the first 64 bits of `philox`, the counter
 * being the position and the key the seed. Both are whole numbers from 0 to 2^53 - 1. Nothing has to be kept between two
 * tokens, so a text that is taken up again elsewhere goes on as it would have.
 */
export function randomAt(seed: number, position: number): number {
  const [first, second] = philox([position >>> 0, high(position), 0, 0], [seed >>> 0, high(seed)]);
  return ((first >>> 5) * 2 ** 26 + (second >>> 6)) / 2 ** 53;
}

function high(value: number): number {
  return Math.floor(value / 2 ** 32) >>> 0;
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
function highProduct(x: number, y: number): number {
  const lowX = x & 0xffff;
  const highX = x >>> 16;
  const lowY = y & 0xffff;
  const highY = y >>> 16;
  const cross = highX * lowY + ((lowX * lowY) >>> 16);
  const carry = (cross % 0x10000) + lowX * highY;
  return (highX * highY + Math.floor(cross / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}
