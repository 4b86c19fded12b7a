import type { CancelSignal } from '@cutpoint/core';
import type { PackageManifest } from '../package/package-manifest.js';
import { packageBytes, requirePlace, writePackage } from '../package/write-package.js';
import type { CalibrationText } from '../quantise/calibration-text.js';
import { calibrateImport } from './calibrate-import.js';
import { fingerprintOf } from './fingerprint.js';
import { type LayerBits, layerBitsOf, type SplitBits } from './layer-bits.js';
import { openCheckpoint } from './open-checkpoint.js';
import { contentOf } from './package-content.js';
import type { WidthRequest } from './widths.js';

export interface ImportRequest extends WidthRequest {
  /** A folder in the layout of Hugging Face, or a GGUF file. */
  readonly source: string;
  /** Where the package shall be; nothing may be there yet. */
  readonly folder: string;
  readonly layerBits?: LayerBits | SplitBits | undefined;
  /** Text with which rounding is fitted to what goes through the model (AWQ); without it weights are rounded to nearest. */
  readonly calibration?: CalibrationText | undefined;
  /** Threads of an operator while a model is calibrated. Default 1. */
  readonly threads?: number | undefined;
  readonly signal?: CancelSignal | undefined;
  /** How many layers were calibrated. */
  readonly onLayer?: ((done: number, layers: number) => void) | undefined;
  /** How much of the weights is written. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/**
 * Makes a package of a checkpoint, a few rows at a time: memory stays below 1 GB for models of any size. With a calibration
 * text it takes besides what `calibrateWeights` says.
 * @throws CutpointError before any long work: CUT_FILE_NOT_FOUND, CUT_CHECKPOINT, CUT_TOKENIZER, CUT_USAGE, CUT_DISK_FULL,
 *   CUT_FILE_WRITE; during it CUT_CHECKPOINT (damaged weights), CUT_CANCELLED, CUT_LOAD, CUT_RUN.
 */
export async function importCheckpoint(request: ImportRequest): Promise<PackageManifest> {
  const { folder, signal, onProgress } = request;
  await using checkpoint = await openCheckpoint(request.source);
  const layerBits = request.layerBits && layerBitsOf(request.layerBits, checkpoint.config.layers);
  const identity = { checkpoint: await fingerprintOf(checkpoint) };
  const plain = { ...identity, ...contentOf(checkpoint, request, layerBits) };
  await requirePlace(folder, plain);
  const { calibration } = request;
  const calibrated = calibration && (await calibrateImport(checkpoint, { ...request, layerBits, calibration }));
  const content =
    calibrated === undefined ? plain : { ...identity, ...contentOf(checkpoint, request, layerBits, calibrated) };
  const totalBytes = packageBytes(content);
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    onProgress?.(doneBytes, totalBytes);
  };
  return await writePackage(folder, content, { signal, onBytes });
}
