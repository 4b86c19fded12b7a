import { stat } from 'node:fs/promises';
import { CutpointError, systemReason } from '@cutpoint/core';
import type { Checkpoint } from './checkpoint.js';
import { openGguf } from './gguf-checkpoint.js';
import { openHuggingFace } from './hf-checkpoint.js';

/**
 * Opens a folder in the layout of Hugging Face, or a GGUF file, and checks everything but the weights' contents.
 * @throws CutpointError CUT_FILE_NOT_FOUND, CUT_CHECKPOINT, CUT_TOKENIZER
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    return await (isFolder ? openHuggingFace(path) : openGguf(path));
  } catch (thrown) {
    if (thrown instanceof CutpointError) throw thrown;
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${systemReason(thrown)}.`, {
      cause: thrown,
    });
  }
}
