import { elementCount } from '@cutpoint/core';
import { describe, expect, it } from 'vitest';
import { checksumBytes } from './bytes.js';
import { openCodec } from './registry.js';
import { anyShapes, noise, tensorsOf } from './tensors.testing.js';

const specs = ['raw', 'f16', 'bf16', 'affine:bits=3,per=channel', 'ts-tabq:delta=1e-2,rho=0.05'];
const limits = { maxElements: 1 << 16 };

describe.each(specs)('the parts of %s', (spec) => {
  it('make the same payload again, and lie in it where their places say', () => {
    const { encode, parts } = openCodec(spec);
    const entropy = openCodec(`${spec}+rans`);
    for (const tensor of tensorsOf((i) => noise(i) * (i % 40 === 3 ? 100 : 1), anyShapes)) {
      const payload = encode(tensor);
      const opened = parts?.open(payload, limits);
      if (parts === undefined || opened === undefined) throw new Error('the codec has no parts');
      expect(opened.bytes).toBe(payload);
      expect(parts.seal(opened.parts, opened.type)).toEqual(payload);
      const coded = entropy.encode(tensor);
      const decoded = entropy.parts?.open(coded, limits);
      if (decoded === undefined) throw new Error('the codec has no parts');
      // What the entropy coder stands for is the body of the codec without it.
      const bodyAt = payload.length - checksumBytes - decoded.bytes.length;
      expect(decoded.bytes).toEqual(payload.slice(bodyAt, payload.length - checksumBytes));
      expect(shifted(decoded.places, bodyAt)).toEqual(opened.places);
      expect(entropy.parts?.seal(opened.parts, opened.type)).toEqual(coded);
    }
  });

  it('are refused as the payload would be', () => {
    const codec = openCodec(spec);
    const [tensor] = tensorsOf((i) => noise(i), [[5, 8]]);
    if (tensor === undefined) throw new Error('there is a tensor');
    const payload = codec.encode(tensor);
    const refused = expect.objectContaining({ code: 'CUT_CODEC_PAYLOAD' });
    for (let at = 0; at < payload.length; at++) {
      const changed = payload.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      expect(() => codec.parts?.open(changed, limits)).toThrow(refused);
      expect(() => codec.parts?.open(payload.subarray(0, at), limits)).toThrow(refused);
    }
    expect(() => codec.parts?.open(payload, { maxElements: elementCount(tensor.shape) - 1 })).toThrow(refused);
  });
});

it('codecs behind a filter have none', () => {
  expect(openCodec('sparse+f16').parts).toBeUndefined();
});

/** Places further behind by so many bytes. */
function shifted(places: object, by: number): object {
  return Object.fromEntries(
    Object.entries(places).map(([key, value]) => {
      if (typeof value === 'object' && !('all' in value)) return [key, shifted(value, by)];
      return [key, typeof value === 'number' ? value + by : value];
    }),
  );
}
