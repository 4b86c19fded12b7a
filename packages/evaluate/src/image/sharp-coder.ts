import type { ImageCoder, ImageQuality } from '@cutpoint/codec';
import { CutpointError, messageOf } from '@cutpoint/core';
import { type ImportSharp, loadSharp, type Sharp } from './load-sharp.js';
import { pixelsOf } from './picture-files.js';
import { describeSize } from './pixels.js';

/** How hard AVIF tries, 0 to 9. The library's default, 4, gives the same bytes within 1 % and takes four times as long. */
const avifEffort = 3;

/** The coder of pictures in Node. @throws CutpointError CUT_IMAGE_LIBRARY */
export async function sharpCoder(load?: ImportSharp): Promise<ImageCoder> {
  const sharp = await loadSharp(load);
  return {
    async encode({ data, width, height, channels }, quality) {
      const picture = sharp(data, { raw: { width, height, channels } });
      return new Uint8Array(await written(picture, quality).toBuffer());
    },
    async decode(file, expected) {
      const { width, height, channels } = expected;
      try {
        const picture = sharp(file, { failOn: 'error', limitInputPixels: Math.max(1, width * height) });
        const found = await picture.metadata();
        if (found.width === width && found.height === height) return await pixelsOf(picture, channels);
        const message = `A picture of ${found.width}x${found.height} came, and ${describeSize(expected)} was agreed.`;
        throw new CutpointError('CUT_IMAGE', message);
      } catch (cause) {
        if (cause instanceof CutpointError) throw cause;
        const reason = messageOf(cause).trim().replaceAll(/\s+/g, ' ').slice(0, 200);
        throw new CutpointError('CUT_IMAGE', `The picture that came cannot be read: ${reason}.`, { cause });
      }
    },
  };
}

function written(picture: ReturnType<Sharp>, { format, quality, chroma }: ImageQuality): ReturnType<Sharp> {
  const chromaSubsampling = chroma === '444' ? '4:4:4' : '4:2:0';
  switch (format) {
    case 'jpeg':
      return picture.jpeg({ quality, chromaSubsampling, optimiseCoding: true });
    case 'webp':
      return picture.webp({ quality });
    case 'avif':
      return picture.avif({ quality, chromaSubsampling, effort: avifEffort });
  }
}
