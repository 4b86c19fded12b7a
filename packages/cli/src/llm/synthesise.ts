import { writeRandomShard } from '@cutpoint/cluster';
import { CutpointError } from '@cutpoint/core';
import {
  type BlockSize,
  decoderOfShape,
  type ShapeName,
  shapeNames,
  synthesisePackage,
  type WeightBits,
} from '@cutpoint/llm';
import { Option } from 'commander';
import { onInterrupt } from '../interrupt.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { formatBytes } from '../output/units.js';
import type { Verb } from '../verb.js';
import { packageText, summaryOf } from './package-text.js';
import { parseBits, parseBlock } from './width-options.js';

/** Rank `rank`, from 0, of so many. */
interface RankOf {
  readonly rank: number;
  readonly ranks: number;
}

interface SynthesiseOptions {
  readonly shape: ShapeName;
  readonly bits: WeightBits;
  readonly block: BlockSize;
  readonly rank?: RankOf;
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
      .option('--rank <r/N>', 'only the shard of rank r, from 0, of N equal ranks of a cluster', parseRank)
      .action(async ({ shape, bits, block, rank, out, json }: SynthesiseOptions) => {
        using interrupt = onInterrupt();
        using progress = openProgress();
        const request = {
          bits,
          block,
          folder: out,
          signal: interrupt.signal,
          onProgress: (done: number, total: number) =>
            progress.show(`${formatBytes(done)} of ${formatBytes(total)} written`),
        };
        if (rank !== undefined) {
          const { halves, head } = await writeRandomShard({
            ...request,
            ...rank,
            name: shape,
            config: decoderOfShape(shape),
          });
          progress[Symbol.dispose]();
          const weightsBytes = [...halves, ...(head === null ? [] : [head])].reduce((sum, { bytes }) => sum + bytes, 0);
          const summary = { folder: out, name: shape, ...rank, weightsBytes };
          const text = `${out}: the shard of rank ${rank.rank} of ${rank.ranks} of ${shape}, ${formatBytes(weightsBytes)}\n`;
          await printResult(json === true, summary, () => text);
          return;
        }
        const manifest = await synthesisePackage({ ...request, shape });
        progress[Symbol.dispose]();
        const summary = summaryOf(out, manifest);
        await printResult(json === true, summary, () => packageText(summary));
      }),
};

function parseRank(text: string): RankOf {
  const [, rank, ranks] = /^(\d{1,2})\/(\d{1,2})$/.exec(text) ?? [];
  if (rank !== undefined && Number(rank) < Number(ranks)) return { rank: Number(rank), ranks: Number(ranks) };
  throw new CutpointError('CUT_USAGE', `--rank takes a rank, from 0, and how many there are, as 0/4, not "${text}".`);
}
