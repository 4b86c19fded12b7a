import { readFile } from 'node:fs/promises';
import { CutpointError, systemReason } from '@cutpoint/core';

/** @throws CutpointError CUT_FILE_NOT_FOUND */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${systemReason(cause)}.`, { cause });
  }
}
