import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';

/**
 * Makes a folder for its owner alone, with those that it is in, unless it is there, and makes sure that it can be written.
 * Node's own `recursive` never ends where the system refuses a folder as if its parent were missing, as in /proc.
 * @throws CutpointError CUT_FILE_WRITE
 */
export function makeFolder(path: string): void {
  try {
    makeWithParents(path);
    accessSync(path, constants.W_OK);
  } catch (cause) {
    throw new CutpointError('CUT_FILE_WRITE', `${path} cannot be made or written: ${systemReason(cause)}.`, { cause });
  }
}

function makeWithParents(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeWithParents(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    // Another process was faster.
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}
