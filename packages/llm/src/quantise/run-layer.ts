import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type CancelSignal, throwIfCancelled } from '@cutpoint/core';
import type { DecoderConfig } from '../architecture/decoder-config.js';
import { openGraph } from '../decode/open-session.js';
import { RangeSession } from '../decode/range-session.js';
import { decoderGraph } from '../graph/decoder-graph.js';
import { valueNames } from '../graph/names.js';
import {
  type LayerMatrixName,
  type LayerWeightName,
  layerMatrixNames,
  type PackagePart,
} from '../package/package-manifest.js';
import type { PartContent } from '../package/weight-content.js';
import { writePart } from '../package/write-part.js';

export interface LayerRun {
  readonly config: DecoderConfig;
  /** Which layer this is. */
  readonly layer: number;
  readonly content: PartContent<LayerWeightName>;
  /** Hidden states [tokens, hiddenSize] of texts that know nothing of one another. */
  readonly windows: readonly Float32Array<ArrayBuffer>[];
  /** Where the layer's weights lie meanwhile, as a file. */
  readonly folder: string;
  readonly threads: number;
  readonly signal?: CancelSignal | undefined;
  /** Is given what each matrix is multiplied with, window by window. */
  readonly onInputs?: ((matrix: LayerMatrixName, rows: Float32Array<ArrayBuffer>) => void) | undefined;
}

const noHead: PackagePart<'norm' | 'matrix'> = { path: '', bytes: 0, sha256: '', weights: {} };

/**
 * Runs one layer alone. Its weights are read from the file while it runs, so that only what is under way takes memory.
 * @returns the hidden states behind it.
 * @throws CutpointError CUT_LOAD, CUT_RUN, CUT_CANCELLED, and what the weights throw.
 */
export async function runLayer(run: LayerRun): Promise<Float32Array<ArrayBuffer>[]> {
  const { layer, content, folder, signal } = run;
  const attention = run.config.attention.slice(layer, layer + 1);
  const config = { ...run.config, layers: 1, attention };
  const name = `layer-${layer}.bin`;
  const path = join(folder, name);
  try {
    const part = await writePart(path, name, content, { signal });
    const range = { from: 0, to: 1, head: false };
    const graph = decoderGraph({ config, layers: [part], head: noHead }, range, { matrixInputs: true });
    const floats = layerMatrixNames.every((matrix) => part.weights[matrix]?.kind === 'float');
    const opened = await openGraph(graph, folder, { threads: run.threads, reorder: !floats });
    const session = new RangeSession(opened, config, range, 'f32');
    try {
      return await runWindows(session, run);
    } finally {
      await session.release();
    }
  } finally {
    await rm(path, { force: true });
  }
}

async function runWindows(session: RangeSession, { windows, signal, onInputs }: LayerRun) {
  const behind: Float32Array<ArrayBuffer>[] = [];
  for (const window of windows) {
    throwIfCancelled(signal);
    const valueNamed = await session.run(session.cache(), window, []);
    for (const matrix of layerMatrixNames) onInputs?.(matrix, valueNamed(valueNames.matrixInput(0, matrix)));
    behind.push(valueNamed(valueNames.hiddenOut));
  }
  return behind;
}
