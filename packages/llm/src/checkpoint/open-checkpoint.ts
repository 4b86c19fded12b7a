import { readdir, stat } from 'node:fs/promises';
import { CutpointError, systemReason } from '@cutpoint/core';
import { manifestName } from '../package/package-manifest.js';
import type { Checkpoint } from './checkpoint.js';
import { openGguf } from './gguf-checkpoint.js';
import { openHuggingFace } from './hf-checkpoint.js';

/**
 * Opens a folder in the layout of Hugging Face, or a GGUF file, and checks everything but the weights' contents.
 * @throws CutpointError CUT_FILE_NOT_FOUND, CUT_CHECKPOINT, CUT_TOKENIZER
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  try {
    if (!(await stat(path)).isDirectory()) {
      requireNoPart(path);
      return await openGguf(path);
    }
    await requireNoPackage(path);
    return await openHuggingFace(path);
  } catch (thrown) {
    if (thrown instanceof CutpointError) throw thrown;
    const message = `${path} cannot be read: ${systemReason(thrown)}; name a folder or a GGUF file that is on this machine, as nothing is downloaded.`;
    throw new CutpointError('CUT_FILE_NOT_FOUND', message, { cause: thrown });
  }
}

/** One file of a folder is not the checkpoint. */
function requireNoPart(path: string): void {
  if (!/\.(safetensors|json)$/i.test(path)) return;
  const message = `${path} is one file of a checkpoint: name the folder that it is in.`;
  throw new CutpointError('CUT_CHECKPOINT', message);
}

async function requireNoPackage(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (!names.includes(manifestName) || names.includes('config.json')) return;
  const message = `${folder} is a package already; for other widths import the checkpoint that it was made of.`;
  throw new CutpointError('CUT_CHECKPOINT', message);
}
