import { type FileHandle, open } from 'node:fs/promises';
import { CutpointError, systemReason } from '@cutpoint/core';

/** A file that is read at any place. Close it with `await using`. */
export interface SourceFile extends AsyncDisposable {
  readonly path: string;
  readonly bytes: number;
  /** So many bytes from `offset` on, neither less nor more. @throws CutpointError CUT_CHECKPOINT */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** @throws CutpointError CUT_FILE_NOT_FOUND */
export async function openSource(path: string): Promise<SourceFile> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${systemReason(cause)}.`, { cause });
  }
  try {
    const { size } = await file.stat();
    return {
      path,
      bytes: size,
      read: (offset, length) => readFully(file, path, offset, length),
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

async function readFully(
  file: FileHandle,
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  try {
    while (done < length) {
      const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
  } catch (cause) {
    throw new CutpointError('CUT_CHECKPOINT', `${path} cannot be read: ${systemReason(cause)}.`, { cause });
  }
  if (done === length) return bytes;
  throw new CutpointError('CUT_CHECKPOINT', `${path} ends before byte ${offset + length}: download it again.`);
}
