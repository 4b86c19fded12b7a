/** f32 to binary16 and back, eight numbers at a time; what each step is for is said in src/kernels/half.ts. */
import * as c from './constants';
import { largestLane } from './lanes';

/**
 * Reads and writes whole groups of eight numbers: both ends need room for them.
 * @returns the bits of the largest magnitude that was read, of the group's rest too.
 */
export function toHalves(numbers: usize, halves: usize, count: i32): i32 {
  const sizeMask = v128.load32_splat(c.sizeMask);
  const overflow = v128.load32_splat(c.halfOverflow);
  const round = v128.load32_splat(c.halfRound);
  const one = v128.load32_splat(c.one);
  const normal = v128.load32_splat(c.halfSmallestNormal);
  const half = v128.load32_splat(c.pointFive);
  const quiet = v128.load32_splat(c.halfQuiet);
  let largest = i32x4.splat(0);
  const end = halves + 2 * count;
  for (; halves < end; numbers += 32, halves += 16) {
    const a = v128.load(numbers);
    const b = v128.load(numbers, 16);
    const sizeA = v128.and(a, sizeMask);
    const sizeB = v128.and(b, sizeMask);
    largest = i32x4.max_s(i32x4.max_s(sizeA, sizeB), largest);
    const low = narrow(a, sizeA, overflow, round, one, normal, half, quiet);
    const high = narrow(b, sizeB, overflow, round, one, normal, half, quiet);
    v128.store(halves, i16x8.narrow_i32x4_u(low, high));
  }
  return largestLane(largest);
}

function narrow(
  numbers: v128,
  size: v128,
  overflow: v128,
  round: v128,
  one: v128,
  normal: v128,
  half: v128,
  quiet: v128,
): v128 {
  // The smallest number that rounds to infinity does so by the arithmetic for normal numbers; NaN is infinity and a bit.
  const bounded = i32x4.min_s(size, overflow);
  const odd = v128.and(i32x4.shr_u(bounded, 13), one);
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(bounded, round), odd), 13);
  const nan = v128.and(f32x4.ne(numbers, numbers), quiet);
  const subnormal = i32x4.sub(f32x4.add(size, half), half);
  const sign = i32x4.shr_u(v128.xor(numbers, size), 16);
  return v128.or(sign, v128.bitselect(subnormal, v128.or(rounded, nan), i32x4.lt_s(size, normal)));
}

/** Reads and writes whole groups of eight numbers: both ends need room for them. */
export function fromHalves(halves: usize, numbers: usize, count: i32): void {
  const sizeMask = v128.load32_splat(c.halfSizeMask);
  const lastFinite = v128.load32_splat(c.halfLastFinite);
  const rebias = v128.load32_splat(c.halfRebias);
  const normal = v128.load32_splat(c.halfNormal);
  const signMask = v128.load32_splat(c.halfSignMask);
  const half = v128.load32_splat(c.pointFive);
  const end = halves + 2 * count;
  for (; halves < end; halves += 16, numbers += 32) {
    const eight = v128.load(halves);
    const low = i32x4.extend_low_i16x8_s(eight);
    const high = i32x4.extend_high_i16x8_s(eight);
    v128.store(numbers, widen(low, sizeMask, lastFinite, rebias, normal, half, signMask));
    v128.store(numbers, widen(high, sizeMask, lastFinite, rebias, normal, half, signMask), 16);
  }
}

function widen(
  halves: v128,
  sizeMask: v128,
  lastFinite: v128,
  rebias: v128,
  normal: v128,
  half: v128,
  signMask: v128,
): v128 {
  const size = v128.and(halves, sizeMask);
  const special = v128.and(i32x4.gt_s(size, lastFinite), rebias);
  const number = i32x4.add(i32x4.add(i32x4.shl(size, 13), rebias), special);
  const subnormal = f32x4.sub(i32x4.add(size, half), half);
  const magnitude = v128.bitselect(subnormal, number, i32x4.lt_s(size, normal));
  return v128.or(v128.and(halves, signMask), magnitude);
}
