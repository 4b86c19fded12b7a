import type { CancelSignal } from '@cutpoint/core';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { layerContent } from '../checkpoint/layer-content.js';
import type { LayerMatrixName } from '../package/package-manifest.js';
import { embedded } from './calibration-text.js';
import { runLayer } from './run-layer.js';

export interface LayerPasses {
  readonly checkpoint: Checkpoint;
  /** Tokens of texts that know nothing of one another. */
  readonly windows: readonly (readonly number[])[];
  readonly folder: string;
  readonly threads: number;
  readonly signal?: CancelSignal | undefined;
  readonly onInputs?: ((matrix: LayerMatrixName, rows: Float32Array<ArrayBuffer>) => void) | undefined;
}

/** Hidden states of each window [tokens, hiddenSize]. */
export interface LayerPass {
  readonly layer: number;
  readonly before: readonly Float32Array<ArrayBuffer>[];
  readonly behind: readonly Float32Array<ArrayBuffer>[];
}

/**
 * Runs texts through a decoder in floats, one layer after another: never more than one is in memory.
 * @throws CutpointError CUT_CHECKPOINT, CUT_LOAD, CUT_RUN, CUT_CANCELLED
 */
export async function* layerPasses(passes: LayerPasses): AsyncGenerator<LayerPass> {
  const { checkpoint, windows, ...options } = passes;
  const { config, tensors } = checkpoint;
  let before: readonly Float32Array<ArrayBuffer>[] = [];
  for (const window of windows) before = [...before, await embedded(checkpoint, window)];
  for (const [layer, own] of tensors.layers.entries()) {
    const content = layerContent(own, { bits: 32, block: null });
    const behind = await runLayer({ ...options, config, layer, content, windows: before });
    yield { layer, before, behind };
    before = behind;
  }
}
