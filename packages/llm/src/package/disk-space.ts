import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CutpointError } from '@cutpoint/core';

/** What is left free beside a package: manifest, tokenizer, and the system's own needs. */
const spareBytes = 64e6;

/**
 * Checks that a package of this size fits on the disk that `folder` is or will be on, before long work begins.
 * @throws CutpointError CUT_DISK_FULL
 */
export async function requireDiskSpace(folder: string, bytes: number): Promise<void> {
  const freeBytes = await freeBytesAt(resolve(folder));
  if (freeBytes >= bytes + spareBytes) return;
  const gb = (value: number) => `${(value / 1e9).toFixed(2)} GB`;
  const message = `The package takes ${gb(bytes)}, but the disk of ${folder} has ${gb(freeBytes)} free: choose fewer bits, or another disk.`;
  throw new CutpointError('CUT_DISK_FULL', message);
}

/** Of the nearest folder that exists. */
async function freeBytesAt(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (thrown) {
    const parent = dirname(folder);
    if (parent === folder) throw thrown;
    return await freeBytesAt(parent);
  }
}
