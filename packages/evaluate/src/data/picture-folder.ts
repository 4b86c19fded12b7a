import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, isAbsolute, join, relative, resolve } from 'node:path';
import { CutpointError, messageOf, systemReason } from '@cutpoint/core';
import type { PictureFit } from '@cutpoint/picture';
import { loadSharp } from '../image/load-sharp.js';
import { readPicture } from '../image/picture-files.js';
import type { PictureSize } from '../image/pixels.js';
import type { DataSet } from './data-set.js';
import { parseLabels } from './labels-csv.js';

const labelsFile = 'labels.csv';
const maxLabelsBytes = 256_000_000;
const maxPictureBytes = 256_000_000;
const pictureTypes = new Set(['.jpg', '.jpeg', '.png', '.webp', '.avif', '.gif', '.tif', '.tiff']);

interface PictureFile {
  readonly file: string;
  readonly label: number | undefined;
}

/**
 * A folder of pictures: those that its `labels.csv` lists, in that order, or all of them by name, without labels.
 * @returns undefined if the folder has neither.
 * @throws CutpointError CUT_DATASET, CUT_IMAGE_LIBRARY
 */
export async function openPictureFolder(
  folder: string,
  entries: readonly string[],
  size: PictureSize,
  fit: PictureFit,
): Promise<DataSet | undefined> {
  const labelled = entries.includes(labelsFile);
  const files = labelled ? await listedFiles(folder) : pictureNames(entries);
  if (files.length === 0 && !labelled) return undefined;
  const sharp = await loadSharp();
  return {
    rows: files.length,
    labelled,
    async read(row) {
      const entry = files[row];
      if (entry === undefined) throw new RangeError(`there is no row ${row}`);
      const bytes = await readLimited(join(folder, entry.file));
      const pixels = await readPicture(sharp, bytes, size, fit);
      return { row, name: entry.file, label: entry.label, pixels };
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** The names in a folder, sorted. @throws CutpointError CUT_FILE_NOT_FOUND */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    throw new CutpointError('CUT_FILE_NOT_FOUND', `The data set ${folder} cannot be read: ${systemReason(cause)}.`, {
      cause,
    });
  }
}

function pictureNames(entries: readonly string[]): PictureFile[] {
  return entries
    .filter((name) => pictureTypes.has(extname(name).toLowerCase()))
    .map((file) => ({ file, label: undefined }));
}

async function listedFiles(folder: string): Promise<PictureFile[]> {
  const path = join(folder, labelsFile);
  const found = await stat(path);
  if (!found.isFile()) throw new CutpointError('CUT_DATASET', `${path} is not a file.`);
  const { size } = found;
  if (size > maxLabelsBytes) throw new CutpointError('CUT_DATASET', `${path} has ${size} bytes, more than 256 MB.`);
  const listed = parseLabels(await readFile(path, 'utf8'), path);
  const outside = listed.find(({ file }) => !liesIn(folder, file));
  if (outside !== undefined)
    throw new CutpointError('CUT_DATASET', `${path} names "${outside.file}" outside the folder.`);
  return listed;
}

/** A list that someone else wrote must not read what lies elsewhere. */
function liesIn(folder: string, file: string): boolean {
  const path = relative(folder, resolve(folder, file));
  return path !== '' && !path.startsWith('..') && !isAbsolute(path);
}

async function readLimited(path: string): Promise<Uint8Array> {
  try {
    const found = await stat(path);
    // To read a pipe would be to wait for whoever writes to it.
    if (!found.isFile()) throw new CutpointError('CUT_IMAGE', 'It is not a file.');
    const { size } = found;
    if (size > maxPictureBytes)
      throw new CutpointError('CUT_IMAGE', `The picture has ${size} bytes, more than 256 MB.`);
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof CutpointError) throw cause;
    throw new CutpointError('CUT_FILE_NOT_FOUND', `It cannot be read: ${messageOf(cause)}.`, { cause });
  }
}
