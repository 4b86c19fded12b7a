import { extname } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { openCutModel, openSplit, type SplitModel, splitOf } from '@cutpoint/runtime';
import { type ModelSettings, splitOptionsOf } from './model-settings.js';

/** A model that can be split: at the places it was opened with, or wherever a request wants. */
export interface SplitSource extends Pick<SplitModel, 'modelHash' | 'inputs' | 'outputs' | 'assumed'> {
  /** How many cuts the model has; undefined if only one split is allowed. Behind the last nothing is left. */
  readonly cuts: number | undefined;
  /** The one split there is; undefined if every cut is allowed. */
  readonly fixed: SplitModel | undefined;
  /** @throws CutpointError CUT_MODEL_MISMATCH if only other cuts are allowed, CUT_ILLEGAL_CUT if there are no such cuts. */
  splitAt(at: readonly number[]): SplitModel;
}

/** Opens the model of the settings. @throws CutpointError what `openSplit` and `openCutModel` throw. */
export async function openSplitSource(settings: ModelSettings): Promise<SplitSource> {
  const options = splitOptionsOf(settings);
  if (options.at.length > 0 || extname(settings.model) === '.json')
    return fixedSource(await openSplit(settings.model, options));
  const model = await openCutModel(settings.model, options);
  const { inputs, outputs, assumed } = model;
  return {
    modelHash: model.file.hash,
    inputs,
    outputs,
    assumed,
    cuts: model.list.cuts.length,
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

function fixedSource(fixed: SplitModel): SplitSource {
  const here = fixed.cuts.map(({ index }) => index);
  const { modelHash, inputs, outputs, assumed } = fixed;
  return {
    modelHash,
    inputs,
    outputs,
    assumed,
    cuts: undefined,
    fixed,
    splitAt(at) {
      if (String(at) === String(here)) return fixed;
      const message = `Here the model is cut at ${here}, not at ${at}. Start both sides with the same --at.`;
      throw new CutpointError('CUT_MODEL_MISMATCH', message);
    },
  };
}
