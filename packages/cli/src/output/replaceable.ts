import { constants, existsSync } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { CutpointError, systemReason } from '@cutpoint/core';

/** Measuring takes minutes; that the result cannot be written must be said before. @throws CutpointError CUT_FILE_WRITE */
export async function requireWritable(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new CutpointError('CUT_FILE_WRITE', `${folder} cannot be written to: ${systemReason(cause)}.`, { cause });
  }
}

/**
 * What is there already is written over only if it is of the same format: not a model, a picture or labels.
 * @param format as the JSON file states it. @param what it is, for the message.
 * @throws CutpointError CUT_FILE_WRITE
 */
export async function requireReplaceable(path: string, format: string, what: string): Promise<void> {
  if (!existsSync(path)) return;
  const found = await stat(path);
  const start = found.isFile() ? await startOf(path) : '';
  if (new RegExp(`^\\s*\\{\\s*"format":\\s*"${format}"`).test(start)) return;
  const is = found.isFile() ? `is there already, and is no ${what}` : 'is no file';
  throw new CutpointError('CUT_FILE_WRITE', `${path} ${is}: give --out another name.`);
}

async function startOf(path: string): Promise<string> {
  await using file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(100), 0, 100, 0);
  return buffer.toString('utf8', 0, bytesRead);
}
