import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';
import { type TokenizerFiles, tokenizerTexts } from './tokenizer-texts.js';

/**
 * Reads the files of a tokenizer from a folder.
 * @throws CutpointError CUT_TOKENIZER for a missing tokenizer.json, a file that is too large or no JSON; CUT_FILE_NOT_FOUND
 * for one that cannot be read.
 */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  return await tokenizerTexts((name, mostBytes) => readSmallFile(join(folder, name), mostBytes), folder);
}

/** Undefined if there is no such file. */
async function readSmallFile(path: string, mostBytes: number): Promise<string | undefined> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size <= mostBytes) return await file.readFile('utf8');
      throw new CutpointError('CUT_TOKENIZER', `${path} has ${size} bytes, but at most ${mostBytes} are read.`);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof CutpointError) throw thrown;
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${systemReason(thrown)}.`, {
      cause: thrown,
    });
  }
}
