import { readFile } from 'node:fs/promises';
import { asCutpointError } from '@cutpoint/core';
import { classesOf } from '@cutpoint/picture';

/**
 * Reads a PaddleOCR keys file, one character per line, and gives the character of every class: blank, keys, space.
 * @throws CutpointError CUT_FILE_NOT_FOUND if the file cannot be read.
 */
export async function readDictionary(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw asCutpointError(error, 'CUT_FILE_NOT_FOUND', `The keys file ${path} cannot be read`);
  });
  return classesOf(text);
}
