import { extname } from 'node:path';
import { byteLength, CutpointError } from '@cutpoint/core';
import { notableCuts } from '@cutpoint/graph';
import type { PictureFit } from '@cutpoint/picture';
import { type CutModel, openCutModel, openSplit, type SplitModel, splitOf } from '@cutpoint/runtime';
import { type ModelSettings, splitOptionsOf } from './model-settings.js';

/** A model that can be split: at the places it was opened with, or wherever a request wants. */
export interface SplitSource extends Pick<SplitModel, 'modelHash' | 'inputs' | 'outputs' | 'assumed'> {
  /** How many cuts the model has; undefined if only one split is allowed. Behind the last nothing is left. */
  readonly cuts: number | undefined;
  /** What to choose from: the cuts of the one split there is, or those of the model that show what there is. */
  readonly choices: readonly CutChoice[];
  /** How the model takes pictures; undefined if nothing says so. */
  readonly pictures: PictureInput | undefined;
  /** The one split there is; undefined if every cut is allowed. */
  readonly fixed: SplitModel | undefined;
  /** @throws CutpointError CUT_MODEL_MISMATCH if only other cuts are allowed, CUT_ILLEGAL_CUT if there are no such cuts. */
  splitAt(at: readonly number[]): SplitModel;
}

/** Cuts that a model may be split at. */
export interface CutChoice {
  readonly at: readonly number[];
  /** Of the first. */
  readonly name: string;
  /** What crosses the first as it is, before any codec. */
  readonly bytes: number;
}

/** The input of a model that takes the pixels of pictures. */
export interface PictureInput {
  readonly layout: 'nhwc' | 'nchw';
  readonly fit: PictureFit;
}

/** Opens the model of the settings. @throws CutpointError what `openSplit` and `openCutModel` throw. */
export async function openSplitSource(settings: ModelSettings): Promise<SplitSource> {
  const options = splitOptionsOf(settings);
  if (extname(settings.model) === '.json') return fixedSource(await openSplit(settings.model, options), undefined);
  const model = await openCutModel(settings.model, options);
  const pictures = picturesOf(model);
  if (options.at.length > 0) return fixedSource(splitOf(model, options.at), pictures);
  const { inputs, outputs, assumed } = model;
  return {
    modelHash: model.file.hash,
    inputs,
    outputs,
    assumed,
    cuts: model.list.cuts.length,
    choices: notableCuts(model.list.cuts).map(({ index, name, bytes }) => ({ at: [index], name, bytes })),
    pictures,
    fixed: undefined,
    splitAt: remembered((cuts) => splitOf(model, cuts)),
  };
}

/** Splits are asked for with every request, and making one takes longer than a small segment runs. */
const mostRemembered = 64;

function remembered(split: (at: readonly number[]) => SplitModel): (at: readonly number[]) => SplitModel {
  /** The one that was used longest ago comes first. */
  const known = new Map<string, SplitModel>();
  return (at) => {
    const key = String(at);
    const found = known.get(key) ?? split(at);
    known.delete(key);
    known.set(key, found);
    const [oldest] = known.keys();
    if (known.size > mostRemembered && oldest !== undefined) known.delete(oldest);
    return found;
  };
}

/** What is not declared is left out: over a wire it would be null. */
function picturesOf({ file: { preprocessing, pictureFit } }: CutModel): PictureInput | undefined {
  if (preprocessing === undefined || pictureFit === undefined) return undefined;
  const { resize, kernel } = pictureFit;
  return { layout: preprocessing.layout, fit: { kernel, ...(resize !== undefined && { resize }) } };
}

/** The split as a choice. */
export function choiceOf({ cuts }: SplitModel): CutChoice[] {
  const [first] = cuts;
  if (first === undefined) return [];
  const bytes = first.tensors.reduce((sum, { dtype, shape }) => sum + byteLength(dtype, shape), 0);
  return [{ at: cuts.map(({ index }) => index), name: first.name, bytes }];
}

function fixedSource(fixed: SplitModel, pictures: PictureInput | undefined): SplitSource {
  const here = fixed.cuts.map(({ index }) => index);
  const { modelHash, inputs, outputs, assumed } = fixed;
  return {
    modelHash,
    inputs,
    outputs,
    assumed,
    cuts: undefined,
    choices: choiceOf(fixed),
    pictures,
    fixed,
    splitAt(at) {
      if (String(at) === String(here)) return fixed;
      const message = `Here the model is cut at ${here}, not at ${at}. Start both sides with the same --at.`;
      throw new CutpointError('CUT_MODEL_MISMATCH', message);
    },
  };
}
