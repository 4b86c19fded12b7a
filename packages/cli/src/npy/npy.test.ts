import { bytesPerElement, type DType, elementCount, type Tensor, valuesOf } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeNpy, encodeNpy } from './npy.js';
import { numpyFile } from './numpy-files.testing.js';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('reading .npy files that NumPy wrote', () => {
  it.each(['version1', 'version2', 'version3'] as const)('reads format %s', (name) => {
    const tensor = decodeNpy(numpyFile(name));
    expect([tensor.dtype, tensor.shape, [...valuesOf(tensor)]]).toEqual(['f32', [2, 3], [0, 1, 2, 3, 4, 5]]);
  });

  it('brings Fortran order to row-major order', () => {
    const tensor = decodeNpy(numpyFile('fortran'));
    expect(tensor.shape).toEqual([2, 3, 4]);
    expect([...valuesOf(tensor)]).toEqual(Array.from({ length: 24 }, (_, i) => i));
  });

  it('converts big-endian elements', () => {
    expect([...valuesOf(decodeNpy(numpyFile('bigEndian')))]).toEqual([1, -2, 300]);
  });

  it('reads scalars, booleans and tensors without elements', () => {
    const scalar = decodeNpy(numpyFile('scalar'));
    expect([scalar.shape, [...valuesOf(scalar)]]).toEqual([[], [7n]]);
    expect(decodeNpy(numpyFile('booleans'))).toMatchObject({ dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) });
    expect(decodeNpy(numpyFile('empty'))).toMatchObject({ dtype: 'f64', shape: [0, 4] });
  });

  it('refuses strings and records with a sentence', () => {
    expect(() => decodeNpy(numpyFile('strings'))).toThrow(code('CUT_UNSUPPORTED_TYPE'));
    expect(() => decodeNpy(numpyFile('records'))).toThrow(code('CUT_UNSUPPORTED_TYPE'));
  });
});

const dtype = fc.constantFrom(...(Object.keys(bytesPerElement) as DType[]).filter((name) => name !== 'bf16'));
const tensor: fc.Arbitrary<Tensor> = fc.tuple(dtype, fc.array(fc.nat(4), { maxLength: 4 })).chain(([type, shape]) => {
  const length = elementCount(shape) * bytesPerElement[type];
  return fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((data) => ({ dtype: type, shape, data: new Uint8Array(data) }));
});

describe('writing .npy files', () => {
  it('writes what NumPy writes, byte for byte', () => {
    expect(encodeNpy(decodeNpy(numpyFile('version1')))).toEqual(numpyFile('version1'));
    expect(encodeNpy(decodeNpy(numpyFile('scalar')))).toEqual(numpyFile('scalar'));
    expect(encodeNpy(decodeNpy(numpyFile('booleans')))).toEqual(numpyFile('booleans'));
  });

  it('reads back every tensor that it wrote', () => {
    fc.assert(
      fc.property(tensor, (value) => {
        expect(decodeNpy(encodeNpy(value))).toEqual(value);
      }),
    );
  });

  it('refuses bf16, which NumPy does not have', () => {
    const bf16 = { dtype: 'bf16', shape: [1], data: new Uint8Array(2) } as const;
    expect(() => encodeNpy(bf16)).toThrow(code('CUT_UNSUPPORTED_TYPE'));
  });
});

describe('damaged .npy files', () => {
  it('refuses every truncation', () => {
    const whole = numpyFile('version1');
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => decodeNpy(whole.subarray(0, length))).toThrow(code('CUT_INPUT'));
    }
  });

  it('gives a tensor or a typed error for any changed byte', () => {
    const position = fc.nat(numpyFile('fortran').length - 1);
    fc.assert(
      fc.property(position, fc.nat(255), (at, value) => {
        const bytes = numpyFile('fortran');
        bytes[at] = value;
        try {
          const read = decodeNpy(bytes);
          expect(read.data.length).toBe(elementCount(read.shape) * bytesPerElement[read.dtype]);
        } catch (thrown) {
          expect(thrown).toMatchObject({ name: 'CutpointError' });
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not allocate what a false shape claims', () => {
    const text = "{'descr': '<f8', 'fortran_order': True, 'shape': (99999999999, 99999999999), }";
    const bytes = new Uint8Array(10 + text.length);
    bytes.set(Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0));
    bytes.set(new TextEncoder().encode(text), 10);
    expect(() => decodeNpy(bytes)).toThrow(code('CUT_INPUT'));
  });
});
