import {
  isImageSpec,
  type Kernels,
  openKernels,
  requireFit,
  requireTable,
  type TransformTable,
  type TransformTables,
  tableNamed,
  transformCodec,
} from '@cutpoint/codec';
import type { Cut } from '@cutpoint/graph';
import type { CutModel } from '@cutpoint/runtime';
import { chooseRows } from '../data/choose-rows.js';
import type { DataSet } from '../data/data-set.js';
import { readSamples } from '../data/read-samples.js';
import { type CrossingCodec, crossingCodec, tensorCrossing } from './crossing-codec.js';
import type { PixelInput } from './model-input.js';
import type { RunnerOptions } from './run-cut.js';
import { activationsOf, parseRecipe, tableOfRecipe, transformable } from './transform-recipe.js';

/** Where codecs are to be used, and what those that need tables make them of. */
export interface CodecPlace extends RunnerOptions {
  readonly model: CutModel;
  readonly cut: Cut;
  readonly input: PixelInput;
  readonly dataSet: DataSet;
  /** For codecs that name a table instead of how to make one. */
  readonly tables?: TransformTables | undefined;
  /** How many samples tables have been made of so far. */
  readonly onCalibrated?: ((done: number) => void) | undefined;
}

/** A codec that has nothing to code at a cut. */
export interface IdleCodec {
  readonly codec: string;
  readonly why: string;
}

export interface OpenedCodecs {
  /** Each once. */
  readonly codecs: readonly CrossingCodec[];
  readonly idle: readonly IdleCodec[];
  /** The tables that were made, by the names that specs have for them. */
  readonly tables: TransformTables;
  /** Samples that tables were made of. */
  readonly calibratedOn: number;
}

/**
 * Opens codecs at a cut. For `transform:step=...` tables are made first, of the samples that calibrate, which are run once
 * whatever the number of steps.
 * @throws CutpointError CUT_USAGE for an unknown codec, CUT_CODEC_TABLE, CUT_IMAGE_LIBRARY, CUT_DATASET, and what running
 * segments throws.
 */
export async function codecsAt(specs: readonly string[], place: CodecPlace): Promise<OpenedCodecs> {
  const { cut } = place;
  const modelHash = place.model.file.hash;
  const opened = new Map<string, CrossingCodec>();
  const made = new Map<string, TransformTable>();
  const idle: IdleCodec[] = [];
  let kernels: Kernels | undefined;
  const useTable = (name: string, table: TransformTable) => {
    kernels ??= openKernels();
    const codec = transformCodec(name, table, kernels);
    opened.set(codec.spec, tensorCrossing(codec.spec, codec, cut.tensors));
  };
  let activations: readonly Float32Array[] | undefined;
  for (const spec of specs) {
    const recipe = parseRecipe(spec);
    const target = recipe && transformable(cut.tensors);
    if (recipe !== undefined) {
      if (target === undefined) {
        idle.push({ codec: spec, why: transformWhy(cut) });
        continue;
      }
      activations ??= await calibrationActivations(place, target.tensor);
      const { name, table } = tableOfRecipe(recipe, activations, { modelHash, cut: cut.index, ...target });
      made.set(name, table);
      useTable(name, table);
    } else {
      const name = tableNamed(spec);
      if (name !== undefined) useTable(name, fittingTable(name, place));
      else await useSpec(spec, cut, opened, idle);
    }
  }
  return { codecs: [...opened.values()], idle, tables: made, calibratedOn: activations?.length ?? 0 };
}

async function useSpec(
  spec: string,
  { tensors }: Cut,
  opened: Map<string, CrossingCodec>,
  idle: IdleCodec[],
): Promise<void> {
  const codec = await crossingCodec(spec, tensors);
  if (codec !== undefined) opened.set(codec.spec, codec);
  else
    idle.push({
      codec: spec,
      why: isImageSpec(spec) ? 'no picture crosses here.' : 'no tensor of floats crosses here.',
    });
}

function transformWhy({ tensors }: Cut): string {
  const several = tensors.length > 1 ? `, but ${tensors.length} tensors cross here` : '';
  return `a transform is made for one tensor of f32, one sample at a time${several}.`;
}

function fittingTable(name: string, { tables = new Map(), cut, model }: CodecPlace): TransformTable {
  const table = requireTable(tables, name);
  requireFit(name, table, { modelHash: model.file.hash, index: cut.index, tensors: cut.tensors });
  return table;
}

async function calibrationActivations(place: CodecPlace, tensor: string) {
  const { model, cut, input, dataSet, threads, signal, onCalibrated: onSample } = place;
  const rows = chooseRows(dataSet.rows, 'calibrate');
  // Broken ones are told of where samples are measured; here they are merely missing.
  const samples = readSamples(dataSet, rows, { signal, onBroken: () => {} });
  return await activationsOf(model, cut.index, tensor, input, samples, { threads, signal, onSample });
}
