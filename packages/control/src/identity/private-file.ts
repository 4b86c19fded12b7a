import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';
import { makeFolder } from '../store/make-folder.js';

/**
 * Reads a file that holds a key. Undefined if it does not exist.
 * @throws CutpointError CUT_USAGE if others than its owner can reach it; CUT_FILE_NOT_FOUND if it cannot be read
 */
export function readPrivateFile(path: string): string | undefined {
  try {
    // Windows has no such mode bits.
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) {
      throw new CutpointError('CUT_USAGE', `Others can reach the private key in ${path}: run chmod 600 ${path}.`);
    }
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof CutpointError) throw thrown;
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${systemReason(thrown)}.`, {
      cause: thrown,
    });
  }
}

/** Writes a file that only its owner can reach: whole and on the disk, or not at all. @throws CutpointError CUT_FILE_WRITE */
export function writePrivateFile(path: string, text: string): void {
  writeWhole(path, text, 0o600);
}

/** Writes a file in which nothing is secret, as `writePrivateFile` does. @throws CutpointError CUT_FILE_WRITE */
export function writePublicFile(path: string, text: string): void {
  writeWhole(path, text, 0o644);
}

function writeWhole(path: string, text: string, mode: number): void {
  makeFolder(dirname(path));
  const draft = `${path}.${process.pid}.new`;
  try {
    rmSync(draft, { force: true });
    const file = openSync(draft, 'wx', mode);
    try {
      fchmodSync(file, mode); // whatever is masked
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
    syncFolder(dirname(path));
  } catch (thrown) {
    rmSync(draft, { force: true });
    throw new CutpointError('CUT_FILE_WRITE', `${path} cannot be written: ${systemReason(thrown)}.`, { cause: thrown });
  }
}

function syncFolder(path: string): void {
  // Windows cannot open a folder.
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
