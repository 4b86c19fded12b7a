import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';
import type { PictureFit } from '@cutpoint/picture';
import type { PictureSize } from '../image/pixels.js';
import type { DataSet } from './data-set.js';
import { namesIn, openPictureFolder } from './picture-folder.js';
import { isRawPixels, openRawPixels } from './raw-pixels.js';

export interface DataSetOptions {
  /** What the model takes. */
  readonly size: PictureSize;
  /** How pictures get that size. */
  readonly fit: PictureFit;
  /** Of raw pixels, where they are not of the model's size and no file beside them says so. */
  readonly rawSize?: PictureSize | undefined;
}

/**
 * Opens a data set: a folder with pictures and a `labels.csv`, a folder with pictures, or raw pixels
 * (`NAME_nhwc_u8.bin`, by its own path or that of the folder that has one of them and no pictures).
 * @throws CutpointError CUT_DATASET if the path is none of these, CUT_FILE_NOT_FOUND, CUT_IMAGE_LIBRARY.
 */
export async function openDataSet(path: string, { size, fit, rawSize }: DataSetOptions): Promise<DataSet> {
  const absolute = resolve(path);
  if (!(await isFolder(absolute))) return await openRawPixels(absolute, size, fit, rawSize);
  const entries = await namesIn(absolute);
  const pictures = await openPictureFolder(absolute, entries, size, fit);
  if (pictures !== undefined) return pictures;
  const [raw, ...more] = entries.filter(isRawPixels);
  if (raw === undefined || more.length > 0) {
    const found = raw === undefined ? 'nothing of that' : `${more.length + 1} files of pixels: name one of them`;
    throw new CutpointError(
      'CUT_DATASET',
      `${path} should hold pictures, with or without a labels.csv, or one file NAME_nhwc_u8.bin; it has ${found}.`,
    );
  }
  return await openRawPixels(join(absolute, raw), size, fit, rawSize);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    const message = `The data set ${path} cannot be read: ${systemReason(cause)}.`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message, { cause });
  }
}
