import { CutpointError, systemReason } from '@cutpoint/core';

/** What the operating system said, as CUT_DISK_FULL where there is no room, else as CUT_FILE_WRITE. */
export function diskError(cause: unknown, folder: string): CutpointError {
  if (cause instanceof CutpointError) return cause as CutpointError;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const message = `The disk with ${folder} is full: free space there, or keep content on a larger disk.`;
    return new CutpointError('CUT_DISK_FULL', message, { cause });
  }
  const message = `Content cannot be written to ${folder}: ${systemReason(cause)}.`;
  return new CutpointError('CUT_FILE_WRITE', message, { cause });
}

/** No room even after all that is not in use has gone. */
export function noRoom(needBytes: number, freeBytes: number, where: string): CutpointError {
  const message = `A file needs ${megabytes(needBytes)}, but only ${megabytes(freeBytes)} ${where}.`;
  return new CutpointError('CUT_DISK_FULL', message);
}

/** `412.0 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
