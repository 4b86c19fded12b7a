import { basename, resolve } from 'node:path';
import type { TransformTable, TransformTables } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import { type Cut, cutAt, notableCuts } from '@cutpoint/graph';
import type { CalibratedCodec, CalibratedCut, Calibration } from '@cutpoint/plan';
import { fewSamplesText, rateAccuracyFront, recommend } from '@cutpoint/plan';
import { type CutModel, inferenceRuntime } from '@cutpoint/runtime';
import { chooseRows } from './data/choose-rows.js';
import { openDataSet } from './data/open-data-set.js';
import { requireRows, type SampleOptions, watched } from './evaluate.js';
import { codecsAt, type IdleCodec, type OpenedCodecs } from './measure/codecs-at.js';
import { type CodecOutcome, measureCut } from './measure/measure-cut.js';
import { pixelInput } from './measure/model-input.js';

export interface CalibrateOptions extends SampleOptions {
  /** Indices of cuts. Default: the input, and the notable cuts. */
  readonly cuts?: readonly number[] | undefined;
  /** Specs; those that have nothing to code at a cut are left out there. Default: `defaultCodecs`. */
  readonly codecs?: readonly string[] | undefined;
  /** Share of answers that a recommended codec may change. Default 0.02. */
  readonly maxLoss?: number | undefined;
  /** Sizes of free dimensions that the model was opened with. */
  readonly dims?: ReadonlyMap<string, number> | undefined;
}

/** Codecs from nearly exact to rough, and pictures of several qualities for the cut at the input. */
export const defaultCodecs: readonly string[] = [
  'raw',
  'f16',
  'affine:bits=8',
  'affine:bits=8+rans',
  'affine:bits=6,per=channel+rans',
  'affine:bits=4,per=tensor+rans',
  'affine:bits=4,per=channel+rans',
  'affine:bits=4,per=token+rans',
  'affine:bits=3,per=channel+rans',
  'affine:bits=3,per=token+rans',
  'ts-tabq:delta=1e-3+rans',
  'ts-tabq:delta=1e-2+rans',
  'ts-tabq:delta=3e-2+rans',
  'ts-tabq:delta=1e-2,token=channel+rans',
  'sparse+affine:bits=6+rans',
  'topk:keep=0.2+affine:bits=6+rans',
  'transform:step=0.1',
  'transform:step=0.2',
  'transform:step=0.3',
  'transform:step=0.45',
  'transform:step=0.65',
  'image:format=jpeg,quality=95,chroma=444',
  'image:format=jpeg,quality=95',
  'image:format=jpeg,quality=75',
  'image:format=jpeg,quality=50',
  'image:format=webp,quality=97',
  'image:format=webp,quality=90',
  'image:format=webp,quality=75',
  'image:format=avif,quality=70',
];

const defaultMaxLoss = 0.02;

/** What was measured, and the tables that were made for it, by the names that codecs have for them. */
export interface Calibrated {
  readonly calibration: Calibration;
  readonly tables: TransformTables;
}

/**
 * Measures codecs at cuts of a model on a data set: bytes, times, and how the answers differ from the uncut model's. At each
 * cut the front segment is run once for each sample and its tensors go through all codecs.
 * @throws CutpointError CUT_DATASET, CUT_PREPROCESSING, CUT_ILLEGAL_CUT, CUT_USAGE for an unknown codec, CUT_IMAGE_LIBRARY,
 * and what running segments throws.
 */
export async function calibrate(
  model: CutModel,
  dataPath: string,
  options: CalibrateOptions = {},
): Promise<Calibrated> {
  const { maxLoss = defaultMaxLoss, codecs = defaultCodecs, rawSize, dims = new Map() } = options;
  const input = pixelInput(model);
  const cuts = chosenCuts(model, options.cuts);
  await using dataSet = await openDataSet(dataPath, { size: input.size, fit: input.fit, rawSize });
  const rows = requireRows(chooseRows(dataSet.rows, 'evaluate', options.limit), dataPath);
  const few = fewSamplesText(rows.length, maxLoss);
  if (few !== undefined) options.onNote?.(few);
  const measured: CalibratedCut[] = [];
  const tables = new Map<string, TransformTable>();
  let brokenRows = 0;
  let calibratedOn = 0;
  for (const [i, cut] of cuts.entries()) {
    const { samples, broken } = watched(dataSet, rows, i === 0 ? options : { ...options, onNote: undefined });
    const { threads, signal } = options;
    const tell = (what: string) => options.onProgress?.(`cut ${cut.index}, ${i + 1} of ${cuts.length}: ${what}`);
    tell('opening codecs');
    const opened = await codecsAt(codecs, {
      ...{ model, cut, input, dataSet, threads, signal },
      onCalibrated: (done) => tell(`sample ${done} for the tables of transforms`),
    });
    requireCodecs(opened, cut);
    for (const [name, table] of opened.tables) tables.set(name, table);
    calibratedOn = Math.max(calibratedOn, opened.calibratedOn);
    const outcomes = await measureCut(model, cut.index, opened.codecs, input, samples, {
      threads,
      signal,
      onSample: (done) => tell(`${done} of ${rows.length} samples`),
    });
    brokenRows = broken();
    measured.push(calibratedCut(cut, outcomes, opened.idle, maxLoss));
  }
  const assumed = model.assumed.map(({ name, size }) => [name, size] as const);
  const calibration: Calibration = {
    format: 'cutpoint-calibration',
    version: 1,
    model: { name: model.file.name, hash: model.file.hash, dims: Object.fromEntries([...assumed, ...dims]) },
    dataSet: {
      name: basename(resolve(dataPath)),
      labelled: dataSet.labelled,
      rows: dataSet.rows,
      calibratedOn,
      measuredOn: rows.length - brokenRows,
      broken: brokenRows,
    },
    runtime: { name: inferenceRuntime.name, version: inferenceRuntime.version },
    measuredAt: new Date().toISOString(),
    maxLoss,
    cuts: measured,
  };
  return { calibration, tables };
}

/** Unless they are asked for, the cut that the most bytes cross is left out, and the last, which nothing crosses. */
function chosenCuts({ list }: CutModel, asked: readonly number[] | undefined): Cut[] {
  if (asked !== undefined) return [...new Set(asked)].sort((a, b) => a - b).map((index) => cutAt(list, index));
  const most = Math.max(...list.cuts.map(({ bytes }) => bytes));
  const notable = notableCuts(list.cuts).filter(({ tensors }) => tensors.length > 0);
  return notable.filter(({ index, bytes }) => index === 0 || bytes < most);
}

function requireCodecs({ codecs, idle }: OpenedCodecs, { index }: Cut): void {
  if (codecs.length > 0) return;
  const reasons = idle.map(({ codec, why }) => `${codec}: ${why}`).join(' ');
  const message = `No codec has anything to code at cut ${index}; add raw. ${reasons}`;
  throw new CutpointError('CUT_USAGE', message);
}

function calibratedCut(
  { index, name, bytes }: Cut,
  outcomes: readonly CodecOutcome[],
  idle: readonly IdleCodec[],
  maxLoss: number,
): CalibratedCut {
  const measured = outcomes.flatMap((outcome) => {
    if ('refused' in outcome) return [];
    const { measurement, accuracyLoss } = outcome.tally;
    return [{ codec: outcome.codec.spec, ...measurement, accuracyLoss }];
  });
  const front = rateAccuracyFront(measured);
  const codecs = measured
    .map((row): CalibratedCodec => ({ ...row, onFront: front.includes(row) }))
    .sort((a, b) => b.bytesPerSample - a.bytesPerSample);
  const unable = outcomes.flatMap((outcome) =>
    'refused' in outcome ? [{ codec: outcome.codec.spec, why: outcome.refused.message.slice(0, 2000) }] : [],
  );
  const refused = [...unable, ...idle];
  if (codecs.length === 0) {
    const why = refused.map(({ codec, why }) => `${codec}: ${why}`).join(' ');
    throw new CutpointError('CUT_DATASET', `No codec could be measured at cut ${index}. ${why}`);
  }
  return { index, name, bytes, recommended: recommend(front, maxLoss)?.codec ?? null, codecs, refused };
}
