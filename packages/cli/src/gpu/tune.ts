import { type CodeWidths, openGpu, type TunedProduct, tuneProduct } from '@cutpoint/gpu';
import { keepTuning, parseWidths, readPackage, tuningPath } from '@cutpoint/llm';
import { onInterrupt } from '../interrupt.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';
import { softwareNote } from './info.js';
import { packageShapes } from './package-shapes.js';
import { tuneShapes } from './tune-shapes.js';
import { tunedTable } from './tuned-table.js';

interface TuneOptions {
  readonly bits?: CodeWidths;
  readonly json?: true;
}

/** `cutpoint gpu tune`. */
export const tuneVerb: Verb = {
  example: 'cutpoint gpu tune llama --bits w4a8',
  configure: (command) =>
    command
      .argument('<package>', 'a folder that `cutpoint llm import` made')
      .option(
        '--bits <widths>',
        'widths of weights and activations, as w4a8 (default: weights as wide as the package has them, activations of 8 bits)',
        parseWidths,
      )
      .action(async (folder: string, { bits, json }: TuneOptions) => {
        using interrupt = onInterrupt();
        using progress = openProgress();
        const shapes = packageShapes((await readPackage(folder)).manifest, bits);
        using gpu = await openGpu();
        const now = () => performance.now();
        const products = await tuneShapes(shapes, {
          tune: (shape, options) => tuneProduct(gpu, shape, { ...options, now, signal: interrupt.signal }),
          keep: async (found) => void (await keepTuning(gpu.info, found)),
          show: (line) => progress.show(line),
          now,
        });
        progress[Symbol.dispose]();
        const found = { adapter: gpu.info.description, path: tuningPath(gpu.info), products };
        await printResult(json === true, found, () => tuningText(found, gpu.info.software));
      }),
};

interface Found {
  readonly adapter: string;
  readonly path: string;
  readonly products: readonly TunedProduct[];
}

function tuningText({ adapter, path, products }: Found, software: boolean): string {
  const note = software ? softwareNote : '';
  return `${adapter}\n${tunedTable(products)}Kept in ${path}; \`--provider wgpu --bits\` takes it from there.\n${note}`;
}
