import type { Picture } from '@cutpoint/codec';
import { CutpointError, messageOf } from '@cutpoint/core';
import { coverOf, cropMiddle, type PictureFit } from '@cutpoint/picture';
import type { Sharp } from './load-sharp.js';
import { describeSize, type PictureSize, sameSize } from './pixels.js';

/** Larger pictures are refused before they are unpacked. */
const maxPixels = 100_000_000;

/**
 * A picture in a file format, turned upright, scaled and cropped to the size that a model takes. One that has that size
 * already stays as it is, unless a short side was asked for.
 * @throws CutpointError CUT_IMAGE if the bytes are not a whole picture.
 */
export async function readPicture(
  sharp: Sharp,
  bytes: Uint8Array,
  size: PictureSize,
  fit: PictureFit,
): Promise<Picture> {
  return await decoded(async () => {
    const picture = sharp(bytes, { failOn: 'error', limitInputPixels: maxPixels }).autoOrient();
    const { autoOrient } = await picture.metadata();
    return await fitted(picture, autoOrient, size, fit);
  });
}

/** A picture of another size, scaled and cropped likewise. */
export async function fitPixels(sharp: Sharp, pixels: Picture, size: PictureSize, fit: PictureFit): Promise<Picture> {
  if (sameSize(pixels, size) && fit.resize === undefined) return pixels;
  const { data, width, height, channels } = pixels;
  return await decoded(() => fitted(sharp(data, { raw: { width, height, channels } }), pixels, size, fit));
}

async function fitted(
  picture: ReturnType<Sharp>,
  from: { readonly width: number; readonly height: number },
  size: PictureSize,
  { resize, kernel }: PictureFit,
): Promise<Picture> {
  const { width, height } = size;
  if (resize === 'stretch')
    return await pixelsOf(picture.resize(width, height, { fit: 'fill', kernel }), size.channels);
  const cover = coverOf(from, size, resize);
  if (cover === undefined) return await pixelsOf(picture, size.channels);
  const covering = picture.resize(cover.width, cover.height, { fit: 'cover', kernel });
  return cropMiddle(await pixelsOf(covering, size.channels), width, height);
}

/** The pixels of a picture, in grey or colour, without transparency. */
export async function pixelsOf(picture: ReturnType<Sharp>, channels: 1 | 3): Promise<Picture> {
  const { data, info } = await picture
    .flatten({ background: '#000' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== channels) {
    const message = `A picture became ${info.channels} channels, and the model takes ${channels}.`;
    throw new CutpointError('CUT_IMAGE', message);
  }
  const { width, height } = info;
  const pixels = { width, height, channels, data: new Uint8Array(data) };
  if (pixels.data.length !== width * height * channels) {
    throw new CutpointError('CUT_IMAGE', `A picture of ${describeSize(pixels)} has ${pixels.data.length} bytes.`);
  }
  return pixels;
}

async function decoded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof CutpointError) throw cause;
    const reason = messageOf(cause).trim().replaceAll(/\s+/g, ' ').slice(0, 200);
    throw new CutpointError('CUT_IMAGE', `The picture cannot be read: ${reason}.`, { cause });
  }
}
