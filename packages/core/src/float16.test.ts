import { expect, it } from 'vitest';
import { bfloat16ToNumber, halfToNumber } from './float16.js';

it('halfToNumber knows zeros, denormals, normals, infinities and NaN', () => {
  expect([0x0000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0xfc00, 0x7e00].map(halfToNumber)).toEqual([
    0,
    2 ** -24,
    1023 * 2 ** -24,
    2 ** -14,
    1,
    -2,
    65504,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]);
  expect(halfToNumber(0x8000)).toBe(-0);
});

it('bfloat16ToNumber is the upper half of an f32', () => {
  expect([0x3f80, 0xc000, 0x7f80, 0x0001].map(bfloat16ToNumber)).toEqual([1, -2, Number.POSITIVE_INFINITY, 2 ** -133]);
  expect(bfloat16ToNumber(0x7fc0)).toBeNaN();
});
