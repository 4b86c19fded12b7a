import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Picture } from '@cutpoint/codec';
import { CutpointError, messageOf, systemReason } from '@cutpoint/core';
import type { PictureFit } from '@cutpoint/picture';
import { z } from 'zod';
import { loadSharp } from '../image/load-sharp.js';
import { fitPixels } from '../image/picture-files.js';
import { describeSize, type PictureSize, sameSize } from '../image/pixels.js';
import type { DataSet } from './data-set.js';

const maxRows = 1_000_000_000;
const maxSizeFileBytes = 10_000;
const suffix = /(_nhwc)?_u8\.bin$/;
const labelsSuffix = '_labels_u8.bin';

const sizeSchema = z.strictObject({
  width: z.number().int().min(1).max(65_536),
  height: z.number().int().min(1).max(65_536),
  channels: z.union([z.literal(1), z.literal(3)]),
});

/** True for the name of a file of pixels, `NAME_nhwc_u8.bin`. */
export function isRawPixels(name: string): boolean {
  return suffix.test(name) && !name.endsWith(labelsSuffix);
}

/**
 * Pixels one picture after the other (u8, NHWC) in `NAME_nhwc_u8.bin`, with a byte for the class of each in
 * `NAME_labels_u8.bin` if that is there. Their size is `given`, or in `NAME.json`, or else the model's.
 * @throws CutpointError CUT_DATASET, CUT_FILE_NOT_FOUND; CUT_IMAGE_LIBRARY if they have to be scaled.
 */
export async function openRawPixels(
  path: string,
  size: PictureSize,
  fit: PictureFit,
  given: PictureSize | undefined,
): Promise<DataSet> {
  const stem = path.replace(suffix, '');
  const stored = given ?? (await readSize(`${stem}.json`)) ?? size;
  const pictureBytes = stored.width * stored.height * stored.channels;
  const { size: bytes } = await describe(path);
  const rows = bytes / pictureBytes;
  if (!Number.isInteger(rows) || rows === 0 || rows > maxRows) {
    const message = `${path} has ${bytes} bytes, which are no pictures of ${describeSize(stored)}: state their size in ${stem}.json as {"width", "height", "channels"}.`;
    throw new CutpointError('CUT_DATASET', message);
  }
  const labels = await readLabels(`${stem}${labelsSuffix}`, rows);
  const scale = sameSize(stored, size) && fit.resize === undefined ? undefined : await loadSharp();
  const file = await open(path);
  return {
    rows,
    labelled: labels !== undefined,
    async read(row) {
      const pixels: Picture = { ...stored, data: await readAt(file, row * pictureBytes, pictureBytes) };
      const fitted = scale === undefined ? pixels : await fitPixels(scale, pixels, size, fit);
      return { row, name: `${basename(path)} row ${row}`, label: labels?.[row], pixels: fitted };
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const data = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(data, done, length - done, position + done);
    if (bytesRead === 0) throw new CutpointError('CUT_DATASET', 'The file of pixels became shorter while it was read.');
    done += bytesRead;
  }
  return data;
}

async function describe(path: string) {
  try {
    return await stat(path);
  } catch (cause) {
    const message = `The data set ${path} cannot be read: ${systemReason(cause)}.`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message, { cause });
  }
}

async function readLabels(path: string, rows: number): Promise<Uint8Array | undefined> {
  const bytes = await sizeIfThere(path);
  if (bytes === undefined) return undefined;
  if (bytes !== rows) throw new CutpointError('CUT_DATASET', `${path} has ${bytes} labels for ${rows} pictures.`);
  return await readFile(path);
}

async function readSize(path: string): Promise<PictureSize | undefined> {
  const bytes = await sizeIfThere(path);
  if (bytes === undefined) return undefined;
  if (bytes > maxSizeFileBytes) throw new CutpointError('CUT_DATASET', `${path} has ${bytes} bytes, more than 10 kB.`);
  try {
    return sizeSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll('\n', ' ') : messageOf(cause);
    throw new CutpointError('CUT_DATASET', `${path} does not state width, height and channels: ${why}`, { cause });
  }
}

async function sizeIfThere(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}
