/** Codes into bits and back, sixteen at a time; the layout is defined in src/kernels/pack.ts. */

/**
 * Packs the codes of one group. Up to 16 bytes after the last are written too.
 * @returns where the next group's begin.
 */
export function packRow(codes: usize, packed: usize, length: i32, width: i32): usize {
  if (width === 0) return packed;
  const twoShift = 8 - width;
  const fourShift = 16 - 2 * width;
  const eightShift = 32 - 4 * width;
  const end = codes + (length & ~15);
  for (; codes < end; codes += 16, packed += 2 * width) {
    const bits = join(v128.load(codes), twoShift, fourShift, eightShift);
    v128.store64_lane(packed, bits, 0);
    v128.store64_lane(packed + width, bits, 1);
  }
  const rest = length & 15;
  if (rest === 0) return packed;
  const bits = join(v128.and(v128.load(codes), firstBytes(rest)), twoShift, fourShift, eightShift);
  v128.store64_lane(packed, bits, 0);
  v128.store64_lane(packed + width, bits, 1);
  return packed + ((rest * width + 7) >> 3);
}

/** Two codes of 8 bits each become one number of 16, two of these one of 32, two of these one of 64. */
function join(codes: v128, twoShift: i32, fourShift: i32, eightShift: i32): v128 {
  const twos = v128.or(
    v128.and(codes, i16x8.splat(0xff)),
    i64x2.shr_u(v128.andnot(codes, i16x8.splat(0xff)), twoShift),
  );
  const fours = v128.or(
    v128.and(twos, i32x4.splat(0xff_ff)),
    i64x2.shr_u(v128.andnot(twos, i32x4.splat(0xff_ff)), fourShift),
  );
  return v128.or(
    v128.and(fours, i64x2.splat(0xff_ff_ff_ff)),
    i64x2.shr_u(v128.andnot(fours, i64x2.splat(0xff_ff_ff_ff)), eightShift),
  );
}

/** All bits of the first few bytes. */
function firstBytes(count: i32): v128 {
  return i8x16.lt_u(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), i8x16.splat(<i8>count));
}

/**
 * Unpacks the codes of one group. Up to 16 bytes after the last are read and up to 15 written too.
 * @returns where the next group's begin.
 */
export function unpackRow(packed: usize, codes: usize, length: i32, width: i32): usize {
  if (width === 0) {
    memory.fill(codes, 0, length);
    return packed;
  }
  const codeMask: i32 = (1 << width) - 1;
  const twoMask = i16x8.splat(<i16>codeMask);
  const fourMask = i32x4.splat((1 << (2 * width)) - 1);
  const eightMask = i64x2.splat(((<i64>1) << (4 * width)) - 1);
  const end = codes + length;
  for (let from = packed; codes < end; codes += 16, from += 2 * width) {
    const bits = v128.load64_lane(from + width, v128.load64_zero(from), 1);
    const fours = part(bits, eightMask, 32 - 4 * width, 32);
    const twos = part(fours, fourMask, 16 - 2 * width, 16);
    v128.store(codes, part(twos, twoMask, 8 - width, 8));
  }
  return packed + ((length * width + 7) >> 3);
}

/** Moves the upper half of each number to where the upper half of its room begins. */
function part(bits: v128, lowMask: v128, by: i32, half: i32): v128 {
  return v128.or(v128.and(bits, lowMask), v128.and(i64x2.shl(bits, by), i64x2.shl(lowMask, half)));
}
