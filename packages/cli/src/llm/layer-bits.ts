import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';
import { readText } from '@cutpoint/daemon';
import {
  type AllocationMethod,
  allocationMethods,
  type BlockSize,
  type LayerWidths,
  layerWidthsFor,
} from '@cutpoint/llm';
import { Option } from 'commander';
import { onInterrupt } from '../interrupt.js';
import { parseNumber, parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { table } from '../output/table.js';
import type { Verb } from '../verb.js';
import { parseBlock } from './width-options.js';

interface LayerBitsOptions {
  readonly meanBits: number;
  readonly method: AllocationMethod;
  readonly text?: string;
  readonly out: string;
  readonly block: BlockSize;
  readonly threads: number;
  readonly json?: true;
}

/** `cutpoint llm layer-bits`: a width for each layer, by what the layer does. */
export const layerBitsVerb: Verb = {
  example: 'cutpoint llm layer-bits Llama-3.2-1B-Instruct --mean-bits 3 --text text.txt --out bits.json',
  configure: (command) =>
    command
      .argument('<source>', 'a folder with config.json, safetensors and tokenizer.json, or a GGUF file')
      .requiredOption('--mean-bits <n>', 'what layers may have in the mean, from 2 to 8', parseNumber)
      .requiredOption('--out <file>', 'where the widths are written, for `cutpoint llm import --layer-bits`')
      .addOption(
        new Option(
          '--method <name>',
          'baq: what rounding does to the results of a layer; lim: how much a layer changes; zd: weights that stand out',
        )
          .choices(allocationMethods)
          .default('baq'),
      )
      .option('--text <file>', 'a text in UTF-8 that goes through the model; zd needs none')
      .option('--block <n>', 'weights that share a scale: 32, 64 or 128', parseBlock, 128)
      .option('--threads <n>', 'threads of an operator while the text runs through the model', parsePositive, 1)
      .action(run),
};

async function run(source: string, options: LayerBitsOptions): Promise<void> {
  const { text, out, json, ...request } = options;
  using interrupt = onInterrupt();
  using progress = openProgress();
  const found = await layerWidthsFor({
    ...request,
    source,
    workFolder: dirname(out),
    text: text === undefined ? undefined : await readText(text),
    signal: interrupt.signal,
    onLayer: (done, layers) => progress.show(`${done} of ${layers} layers measured`),
  });
  progress[Symbol.dispose]();
  try {
    await writeFile(out, `${JSON.stringify({ layers: found.layers })}\n`);
  } catch (cause) {
    throw new CutpointError('CUT_FILE_WRITE', `${out} cannot be written: ${systemReason(cause)}.`, { cause });
  }
  await printResult(json === true, { method: options.method, ...found }, () => textOf(found, options));
}

const headings: Readonly<Record<AllocationMethod, readonly string[]>> = {
  lim: ['cosine of in and out'],
  zd: ['weights that stand out'],
  baq: ['error at 2 bits', 'at 4', 'at 8'],
};

function textOf({ layers, measured, meanBits }: LayerWidths, { method, out }: LayerBitsOptions): string {
  const columns = ['layer', ...headings[method], 'bits'].map((name) => ({ name, align: 'right' as const }));
  const percent = (value: number) => `${(value * 100).toPrecision(3)} %`;
  const shown = (value: number) => (method === 'lim' ? value.toFixed(4) : percent(value));
  const rows = layers.map((bits, layer) => [String(layer), ...(measured[layer] ?? []).map(shown), String(bits)]);
  return `${table(columns, rows)}${meanBits.toFixed(2)} bits in the mean; \`cutpoint llm import --layer-bits ${out}\` takes them.\n`;
}
