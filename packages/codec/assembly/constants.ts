/**
 * Numbers that loops need in all lanes. They are read from memory, once before a loop, because a literal would be made
 * anew in every round: the compiler puts it into the loop, and engines do not take it out again.
 */
export const sizeMask = memory.data<u32>([0x7f_ff_ff_ff]);
export const one = memory.data<u32>([1]);
export const infinity = memory.data<u32>([0x7f_80_00_00]);
export const minusInfinity = memory.data<u32>([0xff_80_00_00]);

// half.ts
export const halfSizeMask = memory.data<u32>([0x7f_ff]);
export const halfSignMask = memory.data<u32>([0x80_00_00_00]);
export const halfQuiet = memory.data<u32>([0x2_00]);
export const halfLastFinite = memory.data<u32>([0x7b_ff]);
export const halfNormal = memory.data<u32>([0x4_00]);
/** The smallest number that rounds to infinity, and the smallest that a normal binary16 stands for. */
export const halfOverflow = memory.data<u32>([0x47_7f_f0_00]);
export const halfSmallestNormal = memory.data<u32>([0x38_80_00_00]);
/** From a binary16 exponent to that of a binary32: (127 - 15) << 23, and what rounding adds less that. */
export const halfRebias = memory.data<u32>([0x38_00_00_00]);
export const halfRound = memory.data<u32>([0xc8_00_0f_ff]);
export const pointFive = memory.data<f32>([0.5]);

// bfloat.ts
export const bfloatRound = memory.data<u32>([0x7f_ff]);
export const bfloatNan = memory.data<u32>([0x7f_c0]);
/** The smallest number that rounds to infinity. */
export const bfloatOverflow = memory.data<u32>([0x7f_7f_80_00]);

// quantise.ts
/** Adding 1.5 * 2^23 leaves a number's nearest whole number in the lowest bits. */
export const roundingBias = memory.data<f32>([12_582_912]);
export const codeMask = memory.data<u32>([0xff]);
