import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';

/** What the files beside a model say about its text, parsed but not checked. */
export interface TokenizerFiles {
  /** `tokenizer.json` */
  readonly tokenizer: unknown;
  /** `tokenizer_config.json`; an empty object without it. */
  readonly config: unknown;
  /** `chat_template.jinja`, which counts more than a template in `tokenizer_config.json`. */
  readonly template: string | undefined;
}

/** Gemma 3's tokenizer.json, the largest known, has 33 MB. */
const mostTokenizerBytes = 128 * 2 ** 20;
const mostConfigBytes = 16 * 2 ** 20;
const mostTemplateBytes = 2 ** 20;

/**
 * Reads the files of a tokenizer from a folder.
 * @throws CutpointError CUT_TOKENIZER for a missing tokenizer.json, a file that is too large or no JSON; CUT_FILE_NOT_FOUND
 * for one that cannot be read.
 */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const tokenizer = await readSmallFile(join(folder, 'tokenizer.json'), mostTokenizerBytes);
  if (tokenizer === undefined) {
    throw new CutpointError('CUT_TOKENIZER', `There is no tokenizer.json in ${folder}: texts cannot become tokens.`);
  }
  const config = await readSmallFile(join(folder, 'tokenizer_config.json'), mostConfigBytes);
  return {
    tokenizer: parsed(tokenizer, 'tokenizer.json'),
    config: config === undefined ? {} : parsed(config, 'tokenizer_config.json'),
    template: await readSmallFile(join(folder, 'chat_template.jinja'), mostTemplateBytes),
  };
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

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new CutpointError('CUT_TOKENIZER', `${name} is no JSON; copy it again from where the model is from.`, {
      cause: thrown,
    });
  }
}
