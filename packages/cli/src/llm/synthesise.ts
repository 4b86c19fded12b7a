import { type BlockSize, type ShapeName, shapeNames, synthesisePackage, type WeightBits } from '@cutpoint/llm';
import { Option } from 'commander';
import { onInterrupt } from '../interrupt.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { formatBytes } from '../output/units.js';
import type { Verb } from '../verb.js';
import { packageText, summaryOf } from './package-text.js';
import { parseBits, parseBlock } from './width-options.js';

interface SynthesiseOptions {
  readonly shape: ShapeName;
  readonly bits: WeightBits;
  readonly block: BlockSize;
  readonly out: string;
  readonly json?: true;
}

/** `cutpoint llm synth`: a package of random weights. */
export const synthesiseVerb: Verb = {
  example: 'cutpoint llm synth --shape tinyllama-1.1b --bits 4 --out tinyllama',
  configure: (command) =>
    command
      .addOption(new Option('--shape <name>', 'the model whose sizes it has').choices(shapeNames).makeOptionMandatory())
      .requiredOption('--out <folder>', 'where the package shall be; nothing may be there yet')
      .option('--bits <n>', '2, 4, 8, or 16 and 32 for floats', parseBits, 4)
      .option('--block <n>', 'weights that share a scale: 32, 64 or 128', parseBlock, 128)
      .action(async ({ shape, bits, block, out, json }: SynthesiseOptions) => {
        using interrupt = onInterrupt();
        using progress = openProgress();
        const manifest = await synthesisePackage({
          shape,
          bits,
          block,
          folder: out,
          signal: interrupt.signal,
          onProgress: (done, total) => progress.show(`${formatBytes(done)} of ${formatBytes(total)} written`),
        });
        progress[Symbol.dispose]();
        const summary = summaryOf(out, manifest);
        await printResult(json === true, summary, () => packageText(summary));
      }),
};
