import { type ShapeName, shapeNames } from '@cutpoint/llm';
import { Option } from 'commander';
import { onInterrupt } from '../interrupt.js';
import { parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { table } from '../output/table.js';
import { formatBytes } from '../output/units.js';
import type { Verb } from '../verb.js';
import { benchLlm, type LlmBench } from './llm.js';
import { llmRows } from './llm-rows.js';

interface LlmBenchOptions {
  readonly shape: ShapeName;
  readonly threads: number;
  readonly rounds: number;
  readonly peer?: string;
  readonly json?: true;
}

/** `cutpoint bench llm`. */
export const llmBench: Verb = {
  example: 'cutpoint bench llm --threads 2 --peer node-llama-cpp',
  configure: (command) =>
    command
      .addOption(
        new Option('--shape <name>', 'the model whose sizes it has').choices(shapeNames).default('tinyllama-1.1b'),
      )
      .option('--threads <n>', 'threads of an operator', parsePositive, 1)
      .option('--rounds <n>', 'how often everything is measured; medians are reported', parsePositive, 3)
      .option('--peer <name>', 'an engine that `npm run peer` installed, such as node-llama-cpp')
      .action(async ({ json, peer, ...options }: LlmBenchOptions) => {
        using interrupt = onInterrupt();
        using progress = openProgress();
        const result = await benchLlm({
          ...options,
          peer,
          signal: interrupt.signal,
          onProgress: (what) => progress.show(what),
        });
        progress[Symbol.dispose]();
        await printResult(json === true, result, () => benchText(result));
      }),
};

function benchText(bench: LlmBench): string {
  const { shape, threads, ours, peer, ratios, bytesPerToken, memoryBytesPerS, bandwidthShare } = bench;
  const engines = ['cutpoint', ...(peer === null ? [] : [peer.name, 'ratio'])];
  const columns = [{ name: 'tokens/s' }, ...engines.map((name) => ({ name, align: 'right' as const }))];
  const cells = llmRows.map(([label, key]) => [
    label,
    ours[key].toFixed(1),
    ...(peer === null || ratios === null ? [] : [peer[key].toFixed(1), ratios[key].toFixed(2)]),
  ]);
  const memory = [
    'resident memory',
    formatBytes(ours.residentBytes),
    ...(peer === null ? [] : [formatBytes(peer.residentBytes), (ours.residentBytes / peer.residentBytes).toFixed(2)]),
  ];
  const title = `random weights of 4 bits in the shape of ${shape}, ${threads} thread${threads === 1 ? '' : 's'}`;
  const share = `${(bandwidthShare * 100).toFixed(0)} % of the ${formatBytes(memoryBytesPerS)}/s that the memory gives`;
  return `${title}\n${table(columns, [...cells, memory])}A token reads ${formatBytes(bytesPerToken)} of weights: ${share}.\n`;
}
