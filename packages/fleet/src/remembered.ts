import { readFile, rename, writeFile } from 'node:fs/promises';
import { type DesiredState, desiredState } from '@cutpoint/control';
import { CutpointError, messageOf } from '@cutpoint/core';

/**
 * What a device acted on last, so that it can go on with it when it starts while its server is away.
 * @throws CutpointError CUT_STORE if the file cannot be read. Undefined: there is none.
 */
export async function readRemembered(path: string): Promise<DesiredState | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(path, thrown);
  }
  try {
    return desiredState.parse(JSON.parse(text));
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

/** Replaces the file as a whole. @throws CutpointError CUT_FILE_WRITE */
export async function writeRemembered(path: string, desired: DesiredState): Promise<void> {
  try {
    await writeFile(`${path}.new`, JSON.stringify(desired), { mode: 0o600 });
    await rename(`${path}.new`, path);
  } catch (thrown) {
    const message = `What is deployed could not be noted in ${path}: ${messageOf(thrown)}. After a restart this device waits for its server.`;
    throw new CutpointError('CUT_FILE_WRITE', message, { cause: thrown });
  }
}

function unreadable(path: string, cause: unknown): CutpointError {
  const message = `${path} cannot be read: ${messageOf(cause)}. What is deployed is asked of the server.`;
  return new CutpointError('CUT_STORE', message, { cause });
}
