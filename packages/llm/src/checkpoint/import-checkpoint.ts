import type { CancelSignal } from '@cutpoint/core';
import type { PackageManifest } from '../package/package-manifest.js';
import { packageBytes, writePackage } from '../package/write-package.js';
import type { LayerBits } from './layer-bits.js';
import { openCheckpoint } from './open-checkpoint.js';
import { contentOf } from './package-content.js';
import type { WidthRequest } from './widths.js';

export interface ImportRequest extends WidthRequest {
  /** A folder in the layout of Hugging Face, or a GGUF file. */
  readonly source: string;
  /** Where the package shall be; nothing may be there yet. */
  readonly folder: string;
  readonly layerBits?: LayerBits | undefined;
  readonly signal?: CancelSignal | undefined;
  /** How much of the weights is written. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/**
 * Makes a package of a checkpoint, a few rows at a time: memory stays below 1 GB for models of any size.
 * @throws CutpointError before any long work: CUT_FILE_NOT_FOUND, CUT_CHECKPOINT, CUT_TOKENIZER, CUT_USAGE, CUT_DISK_FULL,
 *   CUT_FILE_WRITE; during it CUT_CHECKPOINT (damaged weights), CUT_CANCELLED.
 */
export async function importCheckpoint(request: ImportRequest): Promise<PackageManifest> {
  const { folder, layerBits, signal, onProgress } = request;
  await using checkpoint = await openCheckpoint(request.source);
  const content = contentOf(checkpoint, request, layerBits);
  const totalBytes = packageBytes(content);
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    onProgress?.(doneBytes, totalBytes);
  };
  return await writePackage(folder, content, { signal, onBytes });
}
