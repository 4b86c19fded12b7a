import { writeFile } from 'node:fs/promises';
import { CutpointError, systemReason } from '@cutpoint/core';

/** Writes a value to a file as JSON that a person can read. @throws CutpointError CUT_FILE_WRITE */
export async function writeJson(path: string, value: object): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
  } catch (cause) {
    throw new CutpointError('CUT_FILE_WRITE', `${path} cannot be written: ${systemReason(cause)}.`, { cause });
  }
}
