import { type Tensor, tensorOf } from '@cutpoint/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePixels, encodePixels, isPicture } from './image-codec.js';
import { type ImageCoder, imageFormats, type Picture } from './image-coder.js';
import { parseImageSpec, printImageSpec } from './image-spec.js';

/** Files that are the pixels themselves. */
const plain: ImageCoder = {
  encode: async ({ data }) => data.slice(),
  decode: async (file, size): Promise<Picture> => ({ ...size, data: new Uint8Array(file) }),
};
const quality = { format: 'webp', quality: 90, chroma: '420' } as const;
const pixels = Uint8Array.from({ length: 24 }, (_, i) => i);

async function thereAndBack(tensor: Tensor): Promise<Tensor> {
  return await decodePixels(await encodePixels(tensor, quality, plain), tensor, plain);
}

describe('pictures at a cut', () => {
  it('are handed to the coder pixel by pixel, in either layout, and come back as they were', async () => {
    const nhwc = tensorOf('u8', [1, 2, 4, 3], pixels);
    const nchw = tensorOf('u8', [1, 3, 2, 4], pixels);
    expect((await encodePixels(nhwc, quality, plain)).data).toEqual(pixels);
    expect([...(await encodePixels(nchw, quality, plain)).data.subarray(0, 6)]).toEqual([0, 8, 16, 1, 9, 17]);
    expect(await thereAndBack(nhwc)).toEqual(nhwc);
    expect(await thereAndBack(nchw)).toEqual(nchw);
  });

  it('are refused if they are none', async () => {
    const refused = expect.objectContaining({ code: 'CUT_IMAGE' });
    for (const tensor of [
      tensorOf('f32', [1, 1, 2, 3], new Float32Array(6)),
      tensorOf('u8', [2, 2, 2, 3], pixels),
      tensorOf('u8', [1, 2, 6, 2], pixels),
      tensorOf('u8', [24], pixels),
    ]) {
      expect(isPicture(tensor)).toBe(false);
      await expect(encodePixels(tensor, quality, plain)).rejects.toEqual(refused);
    }
    const asked = { dtype: 'u8', shape: [1, 2, 4, 3] } as const;
    await expect(decodePixels(tensorOf('u8', [2, 12], pixels), asked, plain)).rejects.toEqual(refused);
  });
});

describe('the spec of a picture codec', () => {
  it('reads back what it prints', () => {
    const any = fc
      .record({
        format: fc.constantFrom(...imageFormats),
        quality: fc.integer({ min: 1, max: 100 }),
        chroma: fc.constantFrom('420' as const, '444' as const),
      })
      .filter(({ format, chroma }) => format !== 'webp' || chroma === '420');
    fc.assert(
      fc.property(any, (spec) => {
        expect(parseImageSpec(printImageSpec(spec))).toEqual(spec);
      }),
    );
  });

  it.each([
    'image',
    'image:',
    'image:format=jpeg',
    'image:quality=90',
    'image:format=gif,quality=90',
    'image:format=jpeg,quality=0',
    'image:format=jpeg,quality=101',
    'image:format=jpeg,quality=1e1',
    'image:format=jpeg,quality=90,quality=91',
    'image:format=jpeg,quality=90,size=3',
    'image:format=webp,quality=90,chroma=444',
    'image:format=jpeg,quality=90=3',
  ])('is refused where it is wrong: %s', (spec) => {
    expect(() => parseImageSpec(spec)).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
  });
});
