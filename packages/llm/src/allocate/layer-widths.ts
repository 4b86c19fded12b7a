import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type CancelSignal, CutpointError, systemReason, throwIfCancelled } from '@cutpoint/core';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { layerContent } from '../checkpoint/layer-content.js';
import { openCheckpoint } from '../checkpoint/open-checkpoint.js';
import type { BlockBits, BlockSize } from '../package/package-manifest.js';
import { calibrationWindows } from '../quantise/calibration-text.js';
import { type LayerPass, layerPasses } from '../quantise/layer-passes.js';
import { runLayer } from '../quantise/run-layer.js';
import { bitsByLoss, bitsByRank, layerWidths } from './allocate-bits.js';
import { outlierShare } from './outlier-share.js';
import { meanCosine, relativeError } from './similarity.js';

/**
 * How the importance of layers is found: by how much they change hidden states (`lim`), by how many of their weights stand out
 * (`zd`, needs no text), or by what rounding them to each width does to their results (`baq`).
 */
export const allocationMethods = ['lim', 'zd', 'baq'] as const;
export type AllocationMethod = (typeof allocationMethods)[number];

export interface LayerWidthsRequest {
  /** A folder in the layout of Hugging Face, or a GGUF file. */
  readonly source: string;
  readonly method: AllocationMethod;
  /** What layers may have in the mean, from 2 to 8. */
  readonly meanBits: number;
  /** What goes through the model; not needed for `zd`. */
  readonly text?: string | undefined;
  /** Of the blocks that layers will be rounded in. */
  readonly block: BlockSize;
  readonly threads: number;
  /** Where the weights of one layer lie meanwhile, as floats: temporary folders are memory on many devices. */
  readonly workFolder: string;
  readonly signal?: CancelSignal | undefined;
  readonly onLayer?: ((done: number, layers: number) => void) | undefined;
}

export interface LayerWidths {
  /** As `--layer-bits` takes them. */
  readonly layers: readonly BlockBits[];
  readonly meanBits: number;
  /**
   * What was measured of each layer: the mean cosine between what goes in and comes out (`lim`), the share of weights that stand
   * out (`zd`), or the relative squared errors of its results with 2, 4 and 8 bits (`baq`).
   */
  readonly measured: readonly (readonly number[])[];
}

/**
 * Finds a width for each layer under a mean, from what the layer does.
 * @throws CutpointError CUT_USAGE for a mean that is not from 2 to 8 or a missing text; CUT_TOKENIZER, CUT_INPUT for one that is
 *   too short; CUT_FILE_NOT_FOUND, CUT_FILE_WRITE, CUT_CHECKPOINT, CUT_LOAD, CUT_RUN, CUT_CANCELLED.
 */
export async function layerWidthsFor(request: LayerWidthsRequest): Promise<LayerWidths> {
  const { method, meanBits, text } = request;
  // Refused before the model runs.
  bitsByRank([], meanBits);
  if (method !== 'zd' && text === undefined) {
    throw new CutpointError('CUT_USAGE', `The method ${method} needs a text that goes through the model: give --text.`);
  }
  await using checkpoint = await openCheckpoint(request.source);
  const measured =
    method === 'zd' ? await shares(checkpoint, request) : await byPasses(checkpoint, request, text ?? '');
  const layers =
    method === 'baq'
      ? bitsByLoss(measured, meanBits)
      : // Little change, or many weights that stand out: less important.
        bitsByRank(
          measured.map(([value = 0]) => -value),
          meanBits,
        );
  return { layers, meanBits: layers.reduce<number>((sum, bits) => sum + bits, 0) / layers.length, measured };
}

async function shares({ tensors }: Checkpoint, { signal, onLayer }: LayerWidthsRequest): Promise<number[][]> {
  const found: number[][] = [];
  for (const layer of tensors.layers) {
    throwIfCancelled(signal);
    found.push([await outlierShare(layer)]);
    onLayer?.(found.length, tensors.layers.length);
  }
  return found;
}

async function byPasses(checkpoint: Checkpoint, request: LayerWidthsRequest, text: string): Promise<number[][]> {
  const { method, threads, signal, onLayer } = request;
  const { config } = checkpoint;
  const folder = await temporaryFolder(request.workFolder);
  try {
    const windows = calibrationWindows(checkpoint, { text });
    const found: number[][] = [];
    for await (const pass of layerPasses({ checkpoint, windows, folder, threads, signal })) {
      const { before, behind } = pass;
      found.push(
        method === 'lim'
          ? [meanCosine(before, behind, config.hiddenSize)]
          : await roundingErrors(checkpoint, pass, folder, request),
      );
      onLayer?.(found.length, config.layers);
    }
    return found;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What rounding a layer to each width does to its results. */
async function roundingErrors(
  { config, tensors }: Checkpoint,
  { layer, before, behind }: LayerPass,
  folder: string,
  { block, threads, signal }: LayerWidthsRequest,
): Promise<number[]> {
  const own = tensors.layers[layer] ?? {};
  const errors: number[] = [];
  for (const bits of layerWidths) {
    const content = layerContent(own, { bits, block });
    const windows = before.map((rows) => rows.slice());
    const rounded = await runLayer({ config, layer, content, windows, folder, threads, signal });
    errors.push(relativeError(behind, rounded));
  }
  return errors;
}

async function temporaryFolder(within: string): Promise<string> {
  try {
    return await mkdtemp(join(within, 'cutpoint-layers-'));
  } catch (cause) {
    throw new CutpointError('CUT_FILE_WRITE', `${within} cannot be written to: ${systemReason(cause)}.`, { cause });
  }
}
