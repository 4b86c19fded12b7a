import { type Kernels, openKernels } from '@cutpoint/codec';
import type { Cut } from '@cutpoint/graph';
import type { CutModel } from '@cutpoint/runtime';
import { chooseRows } from '../data/choose-rows.js';
import type { DataSet } from '../data/data-set.js';
import { readSamples } from '../data/read-samples.js';
import { type CrossingCodec, crossingCodec, tensorCrossing } from './crossing-codec.js';
import type { PixelInput } from './model-input.js';
import type { RunnerOptions } from './run-cut.js';
import { activationsOf, codecOfRecipe, parseRecipe, transformable } from './transform-recipe.js';

/** Where codecs are to be used, and what those that need tables make them of. */
export interface CodecPlace extends RunnerOptions {
  readonly model: CutModel;
  readonly cut: Cut;
  readonly input: PixelInput;
  readonly dataSet: DataSet;
}

export interface OpenedCodecs {
  /** Each once; those that have nothing to code at the cut are left out. */
  readonly codecs: readonly CrossingCodec[];
  /** Samples that tables were made of. */
  readonly calibratedOn: number;
}

/**
 * Opens codecs at a cut. For `transform:step=...` tables are made first, of the samples that calibrate, which are run once
 * whatever the number of steps.
 * @throws CutpointError CUT_USAGE for an unknown codec, CUT_IMAGE_LIBRARY, CUT_DATASET, and what running segments throws.
 */
export async function codecsAt(specs: readonly string[], place: CodecPlace): Promise<OpenedCodecs> {
  const { cut } = place;
  const opened = new Map<string, CrossingCodec>();
  let activations: readonly Float32Array[] | undefined;
  let kernels: Kernels | undefined;
  for (const spec of specs) {
    const recipe = parseRecipe(spec);
    if (recipe === undefined) {
      const codec = await crossingCodec(spec, cut.tensors);
      if (codec !== undefined) opened.set(codec.spec, codec);
      continue;
    }
    const target = transformable(cut.tensors);
    if (target === undefined) continue;
    activations ??= await calibrationActivations(place, target.tensor);
    const where = { modelHash: place.model.file.hash, cut: cut.index, ...target };
    kernels ??= openKernels();
    const codec = codecOfRecipe(recipe, activations, where, kernels);
    opened.set(codec.spec, tensorCrossing(codec.spec, codec, cut.tensors));
  }
  return { codecs: [...opened.values()], calibratedOn: activations?.length ?? 0 };
}

async function calibrationActivations({ model, cut, input, dataSet, threads, signal }: CodecPlace, tensor: string) {
  const rows = chooseRows(dataSet.rows, 'calibrate');
  // Broken ones are told of where samples are measured; here they are merely missing.
  const samples = readSamples(dataSet, rows, { signal, onBroken: () => {} });
  return await activationsOf(model, cut.index, tensor, input, samples, { threads, signal });
}
