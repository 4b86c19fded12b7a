import type { TransformTables } from '@cutpoint/codec';
import { type CancelSignal, CutpointError } from '@cutpoint/core';
import { cutAt } from '@cutpoint/graph';
import type { CutModel } from '@cutpoint/runtime';
import { chooseRows, type Purpose } from './data/choose-rows.js';
import type { DataSet } from './data/data-set.js';
import { openDataSet } from './data/open-data-set.js';
import { readSamples } from './data/read-samples.js';
import type { PictureSize } from './image/pixels.js';
import { codecsAt } from './measure/codecs-at.js';
import { measureCut } from './measure/measure-cut.js';
import { pixelInput } from './measure/model-input.js';
import type { Measurement } from './measure/tally.js';
import { parseRecipe } from './measure/transform-recipe.js';

/** How pictures are read, whatever is measured on them. */
export interface SampleOptions {
  /** Of raw pixels, where nothing beside them says how large the pictures are. */
  readonly rawSize?: PictureSize | undefined;
  /** At most so many samples. */
  readonly limit?: number | undefined;
  /** Threads inside one operator. Default 1. */
  readonly threads?: number | undefined;
  readonly signal?: CancelSignal | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Is told in one sentence what a person should know beside the result. */
  readonly onNote?: ((note: string) => void) | undefined;
}

export interface EvaluateOptions extends SampleOptions {
  /** The cut. Default 0: the input crosses. */
  readonly at?: number | undefined;
  /** The codec's spec. Default `raw`. */
  readonly codec?: string | undefined;
  /** For a codec that names one: `transform:table=NAME`. */
  readonly tables?: TransformTables | undefined;
  /** Which rows. Default `evaluate`: those on which nothing is calibrated. */
  readonly purpose?: Purpose | undefined;
}

/** What `cutpoint eval` tells. */
export interface Evaluation extends Measurement {
  readonly model: string;
  readonly cut: { readonly index: number; readonly name: string };
  readonly codec: string;
  /** Samples that could not be read and are left out. */
  readonly broken: number;
  /** Of `top1Whole - top1Split`, or of the agreement where there are no labels; null with less than two samples. */
  readonly stderr: number | null;
}

/**
 * Runs a data set through a model whole and split at a cut, what crosses through a codec, and compares the answers.
 * @throws CutpointError CUT_DATASET, CUT_PREPROCESSING, CUT_ILLEGAL_CUT, CUT_USAGE for an unknown codec or one that does
 * nothing at this cut, CUT_CODEC_TABLE, CUT_IMAGE_LIBRARY, CUT_CODEC, and what running segments throws.
 */
export async function evaluate(model: CutModel, dataPath: string, options: EvaluateOptions = {}): Promise<Evaluation> {
  const { at = 0, codec: spec = 'raw', purpose = 'evaluate', signal, onProgress, rawSize } = options;
  const cut = cutAt(model.list, at);
  if (purpose === 'all' && parseRecipe(spec) !== undefined) {
    throw new CutpointError('CUT_USAGE', `The codec "${spec}" is calibrated on some of all samples: leave --all away.`);
  }
  const input = pixelInput(model);
  await using dataSet = await openDataSet(dataPath, { size: input.size, fit: input.fit, rawSize });
  const { threads, tables } = options;
  const opened = await codecsAt([spec], {
    ...{ model, cut, input, dataSet, tables, threads, signal },
    onCalibrated: (done) => onProgress?.(`sample ${done} for the table of the transform`),
  });
  const [codec] = opened.codecs;
  if (codec === undefined) {
    const why = opened.idle[0]?.why ?? '';
    throw new CutpointError(
      'CUT_USAGE',
      `The codec "${spec}" has nothing to code at cut ${at}; give another, or raw: ${why}`,
    );
  }
  const rows = requireRows(chooseRows(dataSet.rows, purpose, options.limit), dataPath);
  const { samples, broken, why } = watched(dataSet, rows, options);
  const [outcome] = await measureCut(model, at, [codec], input, samples, {
    threads,
    signal,
    onSample: (done) => onProgress?.(`${done} of ${rows.length} samples`),
  });
  if (outcome === undefined || 'refused' in outcome) throw outcome?.refused;
  const measurement = outcome.tally.measurement;
  if (measurement.n === 0) throw new CutpointError('CUT_DATASET', `No sample of ${dataPath} could be read.${why()}`);
  return {
    model: model.file.name,
    cut: { index: at, name: cut.name },
    codec: codec.spec,
    ...measurement,
    stderr: measurement.top1DropStderr ?? measurement.agreementStderr,
    broken: broken(),
  };
}

/** Samples of rows; those that are broken are noted and counted, and why the first is. */
export function watched(dataSet: DataSet, rows: readonly number[], { signal, onNote }: SampleOptions) {
  let broken = 0;
  let why = '';
  const samples = readSamples(dataSet, rows, {
    signal,
    onBroken: (row, error) => {
      broken += 1;
      if (why === '') why = ` Row ${row}: ${error.message}`;
      onNote?.(`Sample ${row} is left out. ${error.message}`);
    },
  });
  return { samples, broken: () => broken, why: () => why };
}

/** @throws CutpointError CUT_DATASET if there is nothing to measure on. */
export function requireRows(rows: number[], dataPath: string): number[] {
  if (rows.length > 0) return rows;
  throw new CutpointError(
    'CUT_DATASET',
    `${dataPath} has too few samples: every fourth calibrates, the others evaluate.`,
  );
}
