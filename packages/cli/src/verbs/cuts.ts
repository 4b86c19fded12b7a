import { type Cut, notableCuts } from '@cutpoint/graph';
import { type CutModel, openCutModel } from '@cutpoint/runtime';
import { noteAssumedDims } from '../assumed-dims.js';
import { onInterrupt } from '../interrupt.js';
import { dimHelp, parseDim, preprocessingOption } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { table } from '../output/table.js';
import { describeTensors } from '../output/tensors.js';
import { byteColumn } from '../output/units.js';
import type { Verb } from '../verb.js';

interface CutsOptions {
  readonly dim?: ReadonlyMap<string, number>;
  readonly preprocessing?: string;
  readonly all?: true;
  readonly json?: true;
}

/** `cutpoint cuts`: where a model can be cut, and what would cross. */
export const cuts: Verb = {
  example: 'cutpoint cuts model.onnx --dim width=320',
  configure: (command) =>
    command
      .argument('<model>', 'an ONNX file')
      .option('--dim <name=value>', dimHelp, parseDim)
      .option(...preprocessingOption)
      .option('--all', 'show every cut, not only the ends, the worst and the best for each eighth of the weights')
      .action(listModelCuts),
};

async function listModelCuts(path: string, options: CutsOptions): Promise<void> {
  using interrupt = onInterrupt();
  const model = await openWithProgress(path, options, interrupt.signal);
  noteAssumedDims(model.assumed);
  const list = model.list.cuts.map(({ position: _, ...cut }) => cut);
  await printResult(options.json === true, { model: path, cuts: list }, () => asText(model, options.all === true));
}

async function openWithProgress(path: string, options: CutsOptions, signal: AbortSignal): Promise<CutModel> {
  using progress = openProgress();
  progress.show('running the model once to measure its shapes');
  return await openCutModel(path, {
    signal,
    preprocessing: options.preprocessing,
    ...(options.dim && { dims: options.dim }),
  });
}

function asText({ file, list }: CutModel, all: boolean): string {
  const shown = all ? list.cuts : notableCuts(list.cuts);
  const bytes = byteColumn(shown.map((cut) => cut.bytes));
  const weights = byteColumn(shown.map(({ frontWeightBytes }) => frontWeightBytes));
  const allWeightBytes = list.cuts.at(-1)?.frontWeightBytes ?? 0;
  const rows = shown.map(({ index, name, tensors, frontNodes, frontWeightBytes }, row) => [
    String(index),
    name,
    describeTensors(tensors) || 'nothing',
    bytes[row] ?? '',
    String(frontNodes),
    `${weights[row]} ${percent(frontWeightBytes, allWeightBytes).padStart(5)}`,
  ]);
  const heading = table(
    [
      { name: 'cut', align: 'right' },
      { name: 'after' },
      { name: 'what crosses' },
      { name: 'bytes', align: 'right' },
      { name: 'front nodes', align: 'right' },
      { name: 'front weights', align: 'right' },
    ],
    rows,
  );
  return `${heading}${footer(file.name, list.cuts, shown)}`;
}

/** A share in whole percent; a model without weights has all of them everywhere. */
function percent(part: number, whole: number): string {
  return `${whole === 0 ? 100 : Math.round((100 * part) / whole)} %`;
}

function footer(name: string, all: readonly Cut[], shown: readonly Cut[]): string {
  if (shown.length === all.length) return `${name} has ${all.length} cuts.\n`;
  return `${name} has ${all.length} cuts; shown are the ends, the one that the most bytes cross, and the one that the fewest cross for each eighth of the weights (--all shows all).\n`;
}
