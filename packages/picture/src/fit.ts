import { CutpointError } from '@cutpoint/core';
import { cropMiddle, type Picture } from './picture.js';
import { type ResampleKernel, resample } from './resample.js';

/** How a picture of any size becomes one of the size that a model takes. No part of the model: it comes before the pixels. */
export interface PictureFit {
  /**
   * Scale until the short side has this length and keep the middle; or stretch, whatever that does to proportions.
   * Undefined: a picture of the model's size stays as it is, of others the short side becomes 8/7 of the model's.
   */
  readonly resize?: { readonly shortSide: number } | 'stretch' | undefined;
  readonly kernel: ResampleKernel;
}

/** The short side before the crop, over that of the model's input, unless it is said otherwise: 256 for 224. */
const usualMargin = 256 / 224;

/** A size that a picture is scaled to cover before the middle of it is cut out; undefined if it stays as it is. */
export function coverOf(
  from: { readonly width: number; readonly height: number },
  { width, height }: { readonly width: number; readonly height: number },
  resize: { readonly shortSide: number } | undefined,
): { width: number; height: number } | undefined {
  if (resize === undefined && from.width === width && from.height === height) return undefined;
  const short = Math.min(width, height);
  const scale = resize === undefined ? usualMargin : resize.shortSide / short;
  if (scale < 1) {
    const wrong = `a short side of ${scale * short} is less than the ${short} that the model takes`;
    throw new CutpointError('CUT_PREPROCESSING', `The preprocessing does not fit the model: ${wrong}.`);
  }
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** A picture, scaled and cropped to the size that a model takes. @throws CutpointError CUT_PREPROCESSING */
export function fitPicture(
  picture: Picture,
  size: { readonly width: number; readonly height: number },
  { resize, kernel }: PictureFit,
): Picture {
  if (resize === 'stretch') return resample(picture, size.width, size.height, kernel);
  const cover = coverOf(picture, size, resize);
  if (cover === undefined) return picture;
  const scale = Math.max(cover.width / picture.width, cover.height / picture.height);
  const width = Math.max(cover.width, Math.round(picture.width * scale));
  const height = Math.max(cover.height, Math.round(picture.height * scale));
  return cropMiddle(resample(picture, width, height, kernel), size.width, size.height);
}
