import { type CancelSignal, CutpointError } from '@cutpoint/core';
import {
  bestOfSchemes,
  type CodeWidths,
  floatGroupColumns,
  type Gpu,
  openGpu,
  type ProductShape,
  type TunedProduct,
  tuneProduct,
} from '@cutpoint/gpu';
import { layerMatrixNames, readPackage, type StoredWeight } from '@cutpoint/llm';
import { onInterrupt } from '../interrupt.js';
import { parseWidths } from '../llm/provider-option.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';
import { softwareNote } from './info.js';
import { tunedTable } from './tuned-table.js';
import { keepTuning } from './tuning-file.js';

interface TuneOptions {
  readonly bits: CodeWidths;
  readonly json?: true;
}

/** One token, and a prompt. */
const rowCounts = [1, 64] as const;

/** `cutpoint gpu tune`. */
export const tuneVerb: Verb = {
  example: 'cutpoint gpu tune llama --bits w4a8',
  configure: (command) =>
    command
      .argument('<package>', 'a folder that `cutpoint llm import` made')
      .requiredOption('--bits <widths>', 'widths of weights and activations, as w4a8', parseWidths)
      .action(async (folder: string, { bits, json }: TuneOptions) => {
        using interrupt = onInterrupt();
        using progress = openProgress();
        using gpu = await openGpu();
        const shapes = await shapesOf(folder, bits);
        const products = await tuneAll(gpu, shapes, interrupt.signal, (line) => progress.show(line));
        progress[Symbol.dispose]();
        const path = await keepTuning(gpu.info, products);
        const found = { adapter: gpu.info.description, path, products };
        await printResult(json === true, found, () => tuningText(found, gpu.info.software));
      }),
};

/** Each shape of a matrix once. @throws CutpointError CUT_PACKAGE */
async function shapesOf(folder: string, { weightBits, activationBits }: CodeWidths): Promise<readonly ProductShape[]> {
  const { manifest } = await readPackage(folder);
  const shapes = new Map<string, ProductShape>();
  for (const { weights } of manifest.layers) {
    for (const name of layerMatrixNames) {
      const stored = weights[name];
      if (stored === undefined) throw new CutpointError('CUT_PACKAGE', `A layer of ${folder} lacks ${name}.`);
      for (const rows of rowCounts) {
        const shape = { rows, ...sizesOf(stored), weightBits, activationBits };
        shapes.set(JSON.stringify(shape), shape);
      }
    }
  }
  return [...shapes.values()];
}

function sizesOf(stored: StoredWeight): Pick<ProductShape, 'outputs' | 'columns' | 'groupSize'> {
  if (stored.kind === 'blocks') return { outputs: stored.rows, columns: stored.columns, groupSize: stored.block };
  const [outputs = 0, columns = 0] = stored.shape;
  return { outputs, columns, groupSize: floatGroupColumns };
}

async function tuneAll(
  gpu: Gpu,
  shapes: readonly ProductShape[],
  signal: CancelSignal,
  show: (line: string) => void,
): Promise<readonly TunedProduct[]> {
  const found: TunedProduct[] = [];
  for (const [i, shape] of shapes.entries()) {
    const { rows, outputs, columns } = shape;
    const what = `product ${i + 1} of ${shapes.length}: ${rows} x ${columns} times ${outputs} x ${columns}`;
    const onProgress = (done: number, total: number) => show(`${what}, kernel ${done + 1} of ${total}`);
    const timed = await tuneProduct(gpu, shape, { now: () => performance.now(), onProgress, signal });
    found.push(...bestOfSchemes(shape, timed));
  }
  return found;
}

interface Found {
  readonly adapter: string;
  readonly path: string;
  readonly products: readonly TunedProduct[];
}

function tuningText({ adapter, path, products }: Found, software: boolean): string {
  const note = software ? softwareNote : '';
  return `${adapter}\n${tunedTable(products)}Kept in ${path}; \`--provider wgpu --bits\` takes it from there.\n${note}`;
}
