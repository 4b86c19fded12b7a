import { readFile } from 'node:fs/promises';
import { CutpointError, systemReason } from '@cutpoint/core';
import { readText } from '@cutpoint/daemon';
import {
  type BlockSize,
  importCheckpoint,
  type LayerBits,
  parseLayerBits,
  type SplitBits,
  type WeightBits,
} from '@cutpoint/llm';
import { Option } from 'commander';
import { onInterrupt } from '../interrupt.js';
import { parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { formatBytes } from '../output/units.js';
import type { Verb } from '../verb.js';
import { packageText, summaryOf } from './package-text.js';
import { parseBits, parseBlock, parseOpsc } from './width-options.js';

interface ImportOptions {
  readonly out: string;
  readonly bits?: WeightBits;
  readonly block?: BlockSize;
  readonly layerBits?: string;
  readonly opsc?: SplitBits;
  readonly method?: 'rtn' | 'awq';
  readonly calibration?: string;
  readonly threads: number;
  readonly json?: true;
}

/** `cutpoint llm import`: a checkpoint becomes a package. */
export const importVerb: Verb = {
  example: 'cutpoint llm import Llama-3.2-1B-Instruct --bits 4 --out llama',
  configure: (command) =>
    command
      .argument('<source>', 'a folder with config.json, safetensors and tokenizer.json, or a GGUF file')
      .requiredOption('--out <folder>', 'where the package shall be; nothing may be there yet')
      .option('--bits <n>', '2, 4, 8, or 16 and 32 for floats (default: as the checkpoint has them)', parseBits)
      .option('--block <n>', 'weights that share a scale: 32, 64 or 128 (default: 128)', parseBlock)
      .option('--layer-bits <file>', 'JSON with a width for each layer: {"layers": [8, 4, 4, 8], "head": 8}')
      .option('--opsc <cut:front:back>', 'one width before the cut, one behind it: 8:4:8', parseOpsc)
      .addOption(new Option('--method <name>', 'how weights are rounded (default: rtn)').choices(['rtn', 'awq']))
      .option('--calibration <file>', 'a text in UTF-8; with it the method is awq')
      .option('--threads <n>', 'threads of an operator while a text runs through the model', parsePositive, 1)
      .action(runImport),
};

async function runImport(source: string, options: ImportOptions): Promise<void> {
  const { out, bits, block, layerBits, opsc, calibration, threads, json } = options;
  requireTogether(options);
  using interrupt = onInterrupt();
  using progress = openProgress();
  const manifest = await importCheckpoint({
    source,
    folder: out,
    bits: bits ?? null,
    block: block ?? null,
    layerBits: layerBits === undefined ? opsc : await readLayerBits(layerBits),
    calibration: calibration === undefined ? undefined : { text: await readText(calibration) },
    threads,
    onLayer: (done, layers) => progress.show(`${done} of ${layers} layers calibrated`),
    signal: interrupt.signal,
    onProgress: (done, total) => progress.show(`${formatBytes(done)} of ${formatBytes(total)} written`),
  });
  progress[Symbol.dispose]();
  const summary = summaryOf(out, manifest);
  await printResult(json === true, summary, () => packageText(summary));
}

function requireTogether({ layerBits, opsc, method, calibration }: ImportOptions): void {
  if (layerBits !== undefined && opsc !== undefined) {
    throw new CutpointError('CUT_USAGE', 'Both --layer-bits and --opsc state the widths of layers: give one of them.');
  }
  if (method === 'awq' && calibration === undefined) {
    throw new CutpointError('CUT_USAGE', '--method awq needs a text: give it with --calibration.');
  }
  if (method === 'rtn' && calibration !== undefined) {
    throw new CutpointError('CUT_USAGE', '--method rtn takes no text: leave out --calibration, or give --method awq.');
  }
}

async function readLayerBits(path: string): Promise<LayerBits> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${systemReason(cause)}.`, { cause });
  }
  try {
    return parseLayerBits(JSON.parse(text), path);
  } catch (thrown) {
    if (thrown instanceof CutpointError) throw thrown;
    throw new CutpointError('CUT_USAGE', `${path} is not JSON: ${systemReason(thrown)}.`, { cause: thrown });
  }
}
