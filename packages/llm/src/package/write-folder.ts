import { lstat, rename, rm } from 'node:fs/promises';
import { asCutpointError, CutpointError, systemReason } from '@cutpoint/core';
import { requireDiskSpace } from './disk-space.js';
import { makeFolderBeside } from './folder-beside.js';

/**
 * Writes a folder of large files. It appears when it is complete; until then it grows in a folder beside it, which is removed if
 * anything fails.
 * @param bytes of all its files. @param fill writes into the growing folder.
 * @throws CutpointError CUT_DISK_FULL, CUT_FILE_WRITE (also if `folder` exists), and what `fill` throws.
 */
export async function writeFolder<T>(folder: string, bytes: number, fill: (growing: string) => Promise<T>): Promise<T> {
  await requireFolderPlace(folder, bytes);
  let growing: string | undefined;
  try {
    growing = await makeFolderBeside(folder, 'partial');
    const written = await fill(growing);
    await rename(growing, folder);
    return written;
  } catch (thrown) {
    if (growing !== undefined) await rm(growing, { recursive: true, force: true });
    throw asWriteError(thrown, folder);
  }
}

/** Asks before long work whether a folder of so many bytes can be written. @throws CutpointError CUT_DISK_FULL, CUT_FILE_WRITE */
export async function requireFolderPlace(folder: string, bytes: number): Promise<void> {
  await requireFree(folder);
  await requireDiskSpace(folder, bytes);
}

/** @throws CutpointError CUT_FILE_WRITE if there is something of this name. */
async function requireFree(folder: string): Promise<void> {
  const there = await lstat(folder).catch(() => undefined);
  if (there === undefined) return;
  throw new CutpointError('CUT_FILE_WRITE', `${folder} exists already: remove it, or name another folder.`);
}

function asWriteError(thrown: unknown, folder: string): CutpointError {
  if (thrown instanceof CutpointError) return thrown as CutpointError;
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = `The disk became full while ${folder} was written; what was there of it was removed.`;
    return new CutpointError('CUT_DISK_FULL', message, { cause: thrown });
  }
  if (typeof code !== 'string') return asCutpointError(thrown, 'CUT_INTERNAL');
  const message = `${folder} cannot be written: ${systemReason(thrown)}.`;
  return new CutpointError('CUT_FILE_WRITE', message, { cause: thrown });
}
