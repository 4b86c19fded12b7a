import { CutpointError } from '@cutpoint/core';
import { type ShapeName, shapeNames } from '@cutpoint/llm';
import { Option } from 'commander';
import { onInterrupt } from '../interrupt.js';
import { parseNumber, parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { table } from '../output/table.js';
import type { Verb } from '../verb.js';
import { benchCluster, type ClusterBench } from './cluster.js';
import { llmRows } from './llm-rows.js';

interface ClusterBenchOptions {
  readonly shape: ShapeName;
  readonly ranks: number;
  readonly delay?: number;
  readonly rate: number;
  readonly rounds: number;
  readonly peer?: string;
  readonly json?: true;
}

/** `cutpoint bench cluster`. */
export const clusterBench: Verb = {
  example: 'cutpoint bench cluster --ranks 2 --peer node-llama-cpp',
  configure: (command) =>
    command
      .addOption(
        new Option('--shape <name>', 'the model whose sizes it has').choices(shapeNames).default('tinyllama-1.1b'),
      )
      .option('--ranks <n>', 'ranks of one core each, and threads of the one process beside them', parsePositive, 2)
      .option('--delay <ms>', 'of the links between ranks, one way (default: loopback as it is)', parseNumber)
      .option('--rate <mbit>', 'of the links between ranks, with --delay', parseNumber, 1000)
      .option('--rounds <n>', 'how often everything is measured; medians are reported', parsePositive, 3)
      .option('--peer <name>', 'an engine that `npm run peer` installed, such as node-llama-cpp')
      .action(run),
};

async function run({ json, peer, delay, rate, ranks, ...options }: ClusterBenchOptions): Promise<void> {
  if (ranks < 2) throw new CutpointError('CUT_USAGE', 'A cluster has two ranks at least: --ranks 2.');
  using interrupt = onInterrupt();
  using progress = openProgress();
  const result = await benchCluster({
    ...options,
    ranks,
    link: delay === undefined ? undefined : { delayMs: delay, rateMbit: rate },
    peer,
    signal: interrupt.signal,
    onProgress: (what) => progress.show(what),
  });
  progress[Symbol.dispose]();
  await printResult(json === true, result, () => benchText(result));
}

function benchText({ shape, ranks, link, cluster, alone, peer, overAlone, overPeer }: ClusterBench): string {
  const names = [`${ranks} ranks`, `${ranks} threads`, 'ratio', ...(peer === null ? [] : [peer.name, 'ratio'])];
  const cells = llmRows.map(([label, key]) => [
    label,
    cluster[key].toFixed(1),
    alone[key].toFixed(1),
    overAlone[key].toFixed(2),
    ...(peer === null || overPeer === null ? [] : [peer[key].toFixed(1), overPeer[key].toFixed(2)]),
  ]);
  const columns = [{ name: 'tokens/s' }, ...names.map((name) => ({ name, align: 'right' as const }))];
  const links = link === null ? 'loopback' : `links of ${link.delayMs} ms one way and ${link.rateMbit} Mbit/s`;
  const title = `random weights of 4 bits in the shape of ${shape}, ranks of one core each, ${links}`;
  return `${title}\n${table(columns, cells)}`;
}
