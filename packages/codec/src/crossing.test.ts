import { type NamedTensors, tensorOf } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { checkCrossing, decodeCrossing, encodeCrossing } from './crossing.js';
import { openCodec } from './registry.js';

describe('tensors that cross a cut', () => {
  const tensors: NamedTensors = new Map([
    ['x', tensorOf('f32', [3], Float32Array.of(1, 0.1, -3e-6))],
    ['ids', tensorOf('i64', [1], BigInt64Array.of(7n))],
  ]);
  const dtypes = new Map(Array.from(tensors, ([name, { dtype }]) => [name, dtype] as const));

  it('are the same under raw', () => {
    expect(decodeCrossing(encodeCrossing(tensors, 'raw'), 'raw', dtypes)).toBe(tensors);
  });

  it('take half the bytes under f16 and come back as the element type they had', () => {
    const sent = encodeCrossing(tensors, 'f16');
    expect(sent.get('x')).toMatchObject({ dtype: 'f16', data: { length: 6 } });
    const received = decodeCrossing(sent, 'f16', dtypes);
    expect(received.get('ids')).toBe(tensors.get('ids'));
    const { dtype, data } = received.get('x') ?? tensorOf('u8', [0], new Uint8Array(0));
    expect(dtype).toBe('f32');
    const numbers = new Float32Array(data.buffer, data.byteOffset, 3);
    for (const [i, number] of [1, 0.1, -3e-6].entries()) {
      expect(Math.abs((numbers[i] ?? 0) - number)).toBeLessThanOrEqual(Math.abs(number) * 2 ** -11 + 2 ** -25);
    }
  });

  it('are refused where they travelled in another way than agreed', () => {
    expect(() => decodeCrossing(tensors, 'f16', dtypes)).toThrow(expect.objectContaining({ code: 'CUT_INPUT' }));
  });

  it('become payloads under any other spec, and what is no float stays as it is', () => {
    const spec = 'ts-tabq:delta=1e-4+rans';
    const sent = encodeCrossing(tensors, spec);
    expect(sent.get('x')).toMatchObject({ dtype: 'u8' });
    expect(sent.get('ids')).toBe(tensors.get('ids'));
    const received = decodeCrossing(sent, spec, dtypes);
    expect(received.get('x')).toMatchObject({ dtype: 'f32', shape: [3] });
    expect(received.get('ids')).toBe(tensors.get('ids'));
    expect(encodeCrossing(tensors, openCodec(spec))).toEqual(sent);
  });

  it('are refused where payloads are too large, of another type or none', () => {
    const sent = encodeCrossing(tensors, 'bf16');
    const refused = (code: string) => expect.objectContaining({ code });
    expect(() => decodeCrossing(sent, 'bf16', dtypes, { maxElements: 2 })).toThrow(refused('CUT_CODEC_PAYLOAD'));
    expect(() => decodeCrossing(sent, 'bf16', new Map([['x', 'f64']]))).toThrow(refused('CUT_INPUT'));
    expect(() => decodeCrossing(tensors, 'bf16', dtypes)).toThrow(refused('CUT_INPUT'));
  });

  it('refuse specs that cannot be used for them', () => {
    expect(checkCrossing('affine:bits=4')).toBe('affine:bits=4,per=tensor');
    expect(checkCrossing('transform:table=a')).toBe('transform:table=a');
    for (const spec of ['zip', 'delta+raw', 'transform', 'transform:table=a+rans', 'sparse+transform:table=a']) {
      expect(() => checkCrossing(spec)).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
    }
  });

  it('do not cross under a transform whose table is not there', () => {
    const missing = expect.objectContaining({ code: 'CUT_CODEC_TABLE' });
    expect(() => encodeCrossing(tensors, 'transform:table=a')).toThrow(missing);
  });

  it('are refused by f16 where it would make them infinite', () => {
    const large: NamedTensors = new Map([['x', tensorOf('f32', [1], Float32Array.of(1e6))]]);
    expect(() => encodeCrossing(large, 'f16')).toThrow(expect.objectContaining({ code: 'CUT_CODEC' }));
  });

  it('need not be aligned', () => {
    const bytes = new Uint8Array(9).subarray(1);
    bytes.set(new Uint8Array(Float32Array.of(2, 4).buffer));
    const odd: NamedTensors = new Map([['x', { dtype: 'f32', shape: [2], data: bytes }]]);
    const back = decodeCrossing(encodeCrossing(odd, 'f16'), 'f16', new Map([['x', 'f32' as const]]));
    expect(back.get('x')?.data).toEqual(bytes);
  });
});
