/** f32 to bfloat16 and back, eight numbers at a time; see src/kernels/bfloat.ts. */
import * as c from './constants';
import { largestLane } from './lanes';

/**
 * Reads and writes whole groups of eight numbers: both ends need room for them.
 * @returns the bits of the largest magnitude that was read, of the group's rest too.
 */
export function toBfloats(numbers: usize, bfloats: usize, count: i32): i32 {
  const sizeMask = v128.load32_splat(c.sizeMask);
  const round = v128.load32_splat(c.bfloatRound);
  const one = v128.load32_splat(c.one);
  const nan = v128.load32_splat(c.bfloatNan);
  let largest = i32x4.splat(0);
  const end = bfloats + 2 * count;
  for (; bfloats < end; numbers += 32, bfloats += 16) {
    const a = v128.load(numbers);
    const b = v128.load(numbers, 16);
    const sizeA = v128.and(a, sizeMask);
    const sizeB = v128.and(b, sizeMask);
    largest = i32x4.max_s(i32x4.max_s(sizeA, sizeB), largest);
    const low = narrow(a, sizeA, round, one, nan);
    const high = narrow(b, sizeB, round, one, nan);
    v128.store(bfloats, i16x8.narrow_i32x4_u(low, high));
  }
  return largestLane(largest);
}

function narrow(numbers: v128, size: v128, round: v128, one: v128, nan: v128): v128 {
  const odd = v128.and(i32x4.shr_u(size, 16), one);
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(size, round), odd), 16);
  const sign = i32x4.shr_u(v128.xor(numbers, size), 16);
  return v128.or(sign, v128.bitselect(nan, rounded, f32x4.ne(numbers, numbers)));
}

/** Reads and writes whole groups of eight numbers: both ends need room for them. */
export function fromBfloats(bfloats: usize, numbers: usize, count: i32): void {
  const end = bfloats + 2 * count;
  for (; bfloats < end; bfloats += 16, numbers += 32) {
    const eight = v128.load(bfloats);
    v128.store(numbers, i32x4.shl(i32x4.extend_low_i16x8_u(eight), 16));
    v128.store(numbers, i32x4.shl(i32x4.extend_high_i16x8_u(eight), 16), 16);
  }
}
