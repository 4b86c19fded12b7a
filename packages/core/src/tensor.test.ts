import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesPerElement, type DType } from './dtype.js';
import { byteLength, describeType, elementCount, f32Values, tensorOf, valuesOf } from './tensor.js';

const dtypes = Object.keys(bytesPerElement) as DType[];

describe('valuesOf', () => {
  it('gives back the bytes of any tensor, aligned or not', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...dtypes),
        fc.array(fc.nat(5), { maxLength: 4 }),
        fc.nat(9),
        (dtype, shape, offset) => {
          const length = byteLength(dtype, shape);
          const buffer = new ArrayBuffer(length + offset);
          const data = new Uint8Array(buffer, offset, length).map((_, i) => (i * 7) % 251);
          const values = valuesOf({ dtype, shape, data });
          expect(values.length).toBe(elementCount(shape));
          expect([...new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]).toEqual([...data]);
        },
      ),
    );
  });

  it('is a view where the bytes are aligned', () => {
    const floats = new Float32Array([1, 2]);
    expect(valuesOf(tensorOf('f32', [2], floats)).buffer).toBe(floats.buffer);
  });
});

describe('tensorOf', () => {
  it('refuses values that do not fit the shape', () => {
    expect(() => tensorOf('f32', [3], new Float32Array(2))).toThrow(
      'A f32 tensor of shape [3] takes 12 bytes, but 8 were given.',
    );
  });

  it('takes a scalar and an empty tensor', () => {
    expect(tensorOf('i64', [], new BigInt64Array([5n])).data.byteLength).toBe(8);
    expect(tensorOf('f16', [2, 0], new Uint16Array()).data.byteLength).toBe(0);
  });
});

describe('f32Values', () => {
  it('refuses other element types', () => {
    expect(() => f32Values(tensorOf('u8', [1], new Uint8Array(1)))).toThrow('An f32 tensor is needed here, not u8.');
  });
});

it('names types as people write them', () => {
  expect(describeType('f32', [1, 'width', null])).toBe('f32[1, width, ?]');
});
