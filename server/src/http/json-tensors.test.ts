import { bytesPerElement, type DType, tensorOf, valuesOf } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonOfTensor, tensorFromJson } from './json-tensors.js';

const code = (expected: string) => expect.objectContaining({ code: expected });
const parse = (dtype: DType, shape: number[], data: unknown[]) => tensorFromJson('x', dtype, shape, data);

const elements: Partial<Record<DType, fc.Arbitrary<number | boolean>>> = {
  f32: fc.float({ noDefaultInfinity: true, noNaN: true }).map((x) => (Object.is(x, -0) ? 0 : x)),
  f64: fc.double({ noDefaultInfinity: true, noNaN: true }).map((x) => (Object.is(x, -0) ? 0 : x)),
  i8: fc.integer({ min: -128, max: 127 }),
  i16: fc.integer({ min: -32768, max: 32767 }),
  i32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  i64: fc.maxSafeInteger(),
  u8: fc.integer({ min: 0, max: 255 }),
  u16: fc.integer({ min: 0, max: 65535 }),
  u32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  u64: fc.maxSafeNat(),
  bool: fc.boolean(),
};

describe('a tensor in JSON', () => {
  it.each(Object.entries(elements))('of %s is the same when it comes back', (name, element) => {
    const dtype = name as DType;
    fc.assert(
      fc.property(fc.array(element, { maxLength: 20 }), (data) => {
        const tensor = parse(dtype, [data.length], data);
        expect(tensor.data.length).toBe(data.length * bytesPerElement[dtype]);
        expect(JSON.parse(jsonOfTensor('x', tensor))).toEqual(data);
      }),
    );
  });

  it('is the same in one list and nested as its shape', () => {
    const flat = parse('i16', [2, 3, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const nested = [
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [
        [7, 8],
        [9, 10],
        [11, 12],
      ],
    ];
    expect(parse('i16', [2, 3, 2], nested)).toEqual(flat);
    expect(parse('i16', [], [7]).shape).toEqual([]);
    expect(parse('i16', [2, 0], [[], []]).data.length).toBe(0);
  });

  it('is refused where its lists or their lengths do not fit the shape', () => {
    const wrong: [number[], unknown[]][] = [
      [[3], [true]],
      [
        [2, 2],
        [1, 2, 3],
      ],
      [
        [2, 2],
        [[1, 2], [3]],
      ],
      [[2, 2], [[1, 2, 3, 4]]],
      [
        [2, 2],
        [[1, 2], 3],
      ],
      [[2], [[1], [2]]],
      [
        [2, 1],
        [[[1]], [[2]]],
      ],
      [[], []],
    ];
    for (const [shape, data] of wrong) expect(() => parse('u8', shape, data)).toThrow(code('CUT_INPUT'));
  });

  it('is refused with elements that its type does not hold', () => {
    const wrong: [DType, unknown][] = [
      ['u8', 256],
      ['u8', -1],
      ['u8', 1.5],
      ['u8', true],
      ['u8', '1'],
      ['u8', null],
      ['i32', 2 ** 31],
      ['u32', -1],
      ['i64', 2 ** 53],
      ['u64', -1],
      ['u64', 0.5],
      ['f32', 1e39],
      ['f64', Number.POSITIVE_INFINITY],
      ['f32', '1'],
      ['bool', 1],
    ];
    for (const [dtype, value] of wrong) {
      expect(() => parse(dtype, [1], [value]), `${dtype} ${value}`).toThrow(code('CUT_INPUT'));
    }
    expect(() => parse('f16', [1], [1])).toThrow(code('CUT_UNSUPPORTED_TYPE'));
  });

  it('keeps all digits of 64-bit integers on the way out', () => {
    const tensor = tensorOf('i64', [2], new BigInt64Array([2n ** 63n - 1n, -(2n ** 63n)]));
    expect(jsonOfTensor('y', tensor)).toBe('[9223372036854775807,-9223372036854775808]');
  });

  it('is refused on the way out where JSON has no such number', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => jsonOfTensor('y', tensorOf('f32', [1], new Float32Array([value])))).toThrow(code('CUT_INPUT'));
    }
    const half = tensorOf('f16', [1], new Uint16Array(1));
    expect(() => jsonOfTensor('y', half)).toThrow(code('CUT_UNSUPPORTED_TYPE'));
    expect(valuesOf(half)).toEqual(new Uint16Array(1));
  });
});
