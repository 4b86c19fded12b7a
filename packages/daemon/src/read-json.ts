import { CutpointError, systemReason } from '@cutpoint/core';
import { readText } from './read-text.js';

/** @throws CutpointError CUT_FILE_NOT_FOUND; CUT_USAGE if it is no JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CutpointError('CUT_USAGE', `${path} is not JSON: ${systemReason(cause)}.`, { cause });
  }
}
