import { rm } from 'node:fs/promises';
import { type CancelSignal, CutpointError, systemReason } from '@cutpoint/core';
import { makeFolderBeside } from '../package/folder-beside.js';
import type { BlockForm } from '../quantise/block-form.js';
import { type CalibratedWeights, calibrateWeights } from '../quantise/calibrate-weights.js';
import type { CalibrationText } from '../quantise/calibration-text.js';
import type { Checkpoint, CheckpointTensor } from './checkpoint.js';
import type { LayerBits } from './layer-bits.js';
import { encodings } from './tensor-encoding.js';
import { headWidthOf, type MatrixWidth, type WidthRequest, widthOf } from './widths.js';

/** The part of an import that calibration is about. */
interface CalibrateRequest extends WidthRequest {
  /** The package's. */
  readonly folder: string;
  readonly layerBits?: LayerBits | undefined;
  readonly calibration: CalibrationText;
  readonly threads?: number | undefined;
  readonly signal?: CancelSignal | undefined;
  readonly onLayer?: ((done: number, layers: number) => void) | undefined;
}

/**
 * Fits the rounding of a checkpoint's weights to a text. The weights of one layer lie as floats beside the package meanwhile.
 * @throws CutpointError CUT_USAGE if no layer is to be rounded, or the checkpoint is rounded already; CUT_FILE_WRITE; and as
 * `calibrateWeights`.
 */
export async function calibrateImport(checkpoint: Checkpoint, request: CalibrateRequest): Promise<CalibratedWeights> {
  const { layerBits, calibration: text, threads = 1, signal, onLayer } = request;
  const { tensors } = checkpoint;
  requireFloats(checkpoint);
  const own = (bits: WidthRequest['bits'] | undefined) => ({ ...request, bits: bits ?? request.bits });
  const layerForms = tensors.layers.map(({ out }, i) => out && formOf(widthOf([out], own(layerBits?.layers[i]))));
  const headForm = formOf(headWidthOf(tensors.matrix, own(layerBits?.head)));
  if (layerForms.every((form) => form === undefined)) {
    const message = 'Nothing is rounded at these widths, so there is nothing to calibrate: give 2, 4 or 8 bits.';
    throw new CutpointError('CUT_USAGE', message);
  }
  const folder = await workFolder(request.folder);
  try {
    return await calibrateWeights({ checkpoint, text, layerForms, headForm, folder, threads, signal, onLayer });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function workFolder(folder: string): Promise<string> {
  try {
    return await makeFolderBeside(folder, 'calibrating');
  } catch (cause) {
    const message = `No folder can be made beside ${folder}: ${systemReason(cause)}.`;
    throw new CutpointError('CUT_FILE_WRITE', message, { cause });
  }
}

function formOf(width: MatrixWidth): BlockForm | undefined {
  return width.kind === 'blocks' ? width : undefined;
}

function requireFloats({ name, tensors }: Checkpoint): void {
  const rounded = (tensor: CheckpointTensor | undefined) =>
    tensor !== undefined && encodings[tensor.encoding].elements > 1;
  if (!tensors.layers.some((layer) => Object.values(layer).some(rounded))) return;
  const message = `The weights of ${name} are rounded already: calibration needs a checkpoint in floats.`;
  throw new CutpointError('CUT_USAGE', message);
}
