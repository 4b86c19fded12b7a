import { link, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Hold } from '@cutpoint/control';
import { CutpointError, systemReason } from '@cutpoint/core';

/** Gives a file of the content store a name, on the same file system. @throws CutpointError CUT_FILE_WRITE */
export async function placeFile({ path: from }: Hold, path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await link(from, path);
  } catch (cause) {
    const message = `The files of a model cannot be linked into ${dirname(path)}: ${systemReason(cause)}.`;
    throw new CutpointError('CUT_FILE_WRITE', message, { cause });
  }
}
