import { readFile, stat } from 'node:fs/promises';
import { CutpointError, messageOf } from '@cutpoint/core';

/**
 * Reads a text file that must not have more bytes than `maxBytes`; `what` begins the sentences.
 * @throws CutpointError CUT_FILE_NOT_FOUND; CUT_SCENARIO if it is too large or no file.
 */
export async function readLimited(path: string, what: string, maxBytes: number): Promise<string> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new CutpointError('CUT_SCENARIO', `${what} ${path} is not a file.`);
    if (found.size > maxBytes) {
      throw new CutpointError('CUT_SCENARIO', `${what} ${path} has ${found.size} bytes; ${maxBytes} is the limit.`);
    }
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof CutpointError) throw thrown;
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${what} cannot be read: ${messageOf(thrown)}.`, { cause: thrown });
  }
}
