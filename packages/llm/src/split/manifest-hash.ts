import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';
import { manifestName } from '../package/package-manifest.js';

/**
 * SHA-256 of a package's manifest, which holds the hashes of all its files: equal on two machines if the packages are.
 * @throws CutpointError CUT_FILE_NOT_FOUND
 */
export async function manifestHash(folder: string): Promise<string> {
  const path = join(folder, manifestName);
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch (cause) {
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${systemReason(cause)}.`, { cause });
  }
}
