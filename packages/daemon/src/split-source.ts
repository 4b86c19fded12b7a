import { extname } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { openCutModel, openSplit, type SplitModel, splitOf } from '@cutpoint/runtime';
import { type ModelSettings, splitOptionsOf } from './model-settings.js';

/** A model that can be split: at the places it was opened with, or wherever a request wants. */
export interface SplitSource extends Pick<SplitModel, 'modelHash' | 'inputs' | 'outputs' | 'assumed'> {
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
    fixed: undefined,
    splitAt: (cuts) => splitOf(model, cuts),
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
    fixed,
    splitAt(at) {
      if (String(at) === String(here)) return fixed;
      const message = `Here the model is cut at ${here}, not at ${at}. Start both sides with the same --at.`;
      throw new CutpointError('CUT_MODEL_MISMATCH', message);
    },
  };
}
