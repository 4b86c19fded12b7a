import {
  type ClusterEvent,
  damagedShardText,
  lacksWindowEnvironment,
  noSlotsText,
  openClusterModel,
  shardsFolder,
  topologies,
  windowEnvironmentAdvice,
} from '@cutpoint/cluster';
import { type CacheKind, cacheKinds, samplingOf } from '@cutpoint/llm';
import { Option } from 'commander';
import { onInterrupt } from '../interrupt.js';
import { addSamplingOptions, type SamplingOptions } from '../llm/sampling-options.js';
import { streamText } from '../llm/stream-text.js';
import { parseNumber, parsePositive } from '../options.js';
import { openProgress, type Progress } from '../output/progress.js';
import { printResult, writeOut } from '../output/result.js';
import { formatBytes } from '../output/units.js';
import type { Verb } from '../verb.js';
import { type ClusterSummary, clusterText } from './cluster-text.js';
import { haveCoresEach, ranksHere, startLocalRanks } from './local-ranks.js';
import { addRankOptions, needRanks, type RankOptions, rankAddresses, windows } from './rank-options.js';
import { WaitCount } from './wait-count.js';

interface GenerateOptions extends RankOptions, SamplingOptions {
  readonly prompt: string;
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly threads: number;
  readonly cache: CacheKind;
  readonly allReduce: 'auto' | (typeof topologies)[number];
  readonly explain?: true;
  readonly window?: readonly number[];
  readonly shards?: string;
  readonly json?: true;
}

/** `cutpoint cluster generate`: a package that is divided over several machines continues a text. */
export const generateVerb: Verb = {
  example: 'cutpoint cluster generate llama --ranks pi-1:7410,pi-2:7410 --prompt "Once upon a time" --max-tokens 64',
  configure: (command) =>
    addRankOptions(addSamplingOptions(command))
      .argument('<package>', 'a folder that `cutpoint llm import` made')
      .requiredOption('--prompt <text>', 'the text to continue')
      .option('--max-tokens <n>', 'tokens at most', parsePositive, 128)
      .option('--temperature <n>', '0 takes the likeliest token each time (default: 0)', parseNumber)
      .option('--seed <n>', 'the same seed gives the same text (default: 0)', parseNumber)
      .option('--stop <text...>', 'ends before this text')
      .option('--threads <n>', 'threads of an operator, at each rank', parsePositive, 1)
      .addOption(new Option('--cache <kind>', 'keys and values are kept so').choices(cacheKinds).default('f32'))
      .addOption(
        new Option('--all-reduce <topology>', 'who sends to whom when ranks add up')
          .choices(['auto', ...topologies])
          .default('auto'),
      )
      .option('--explain', 'say why the ranks add up as they do')
      .option(
        '--window <bytes>',
        'what weights of layers may take in memory at each rank, as 500e6; the rest is read again for each token. One number, or one for each rank, this one first: 2e9,500e6,500e6',
        windows,
      )
      .option('--shards <folder>', 'where shards are kept (default: in the folder for what can be computed again)')
      .action(run),
};

async function run(folder: string, options: GenerateOptions): Promise<void> {
  const { prompt, maxTokens, stop = [], threads, cache, json, local, shares, window } = options;
  const { temperature, topK, topP, minP, repetitionPenalty, seed } = options;
  const sampling = samplingOf({ temperature, topK, topP, minP, repetitionPenalty, seed });
  needRanks(options);
  using interrupt = onInterrupt();
  using progress = openProgress();
  const shards = shardsFolder(options.shards);
  const pins = local !== undefined && threads === 1 && haveCoresEach(local, threads);
  await using own = await startLocalRanks((local ?? 1) - 1, {
    shards,
    pins,
    windows: window !== undefined,
    signal: interrupt.signal,
  });
  const others = [...own.processes.map(({ url }) => ({ url })), ...(await rankAddresses(options))];
  if (window !== undefined && lacksWindowEnvironment()) progress.say(windowEnvironmentAdvice);
  progress.show('brings the ranks together');
  let explanation: readonly string[] = [];
  const waits = new WaitCount();
  await using model = await openClusterModel(folder, {
    others,
    shares,
    shards,
    threads,
    cache,
    spin: haveCoresEach(ranksHere(others), threads),
    allReduce: options.allReduce,
    windowBytes: window,
    signal: interrupt.signal,
    onShards: (done, total) => progress.show(`shards: ${formatBytes(done)} of ${formatBytes(total)}`),
    onEvent: (event) => {
      if (event.kind === 'formed') explanation = event.facts.explanation;
      tell(progress, event, options.explain === true && json !== true);
    },
  });
  progress[Symbol.dispose]();
  const {
    perToken,
    linkBytesPerToken,
    sentBytesPerToken: _,
    ...streamed
  } = await streamText(model, {
    prompt,
    maxTokens,
    sampling,
    stop,
    draftTokens: 0,
    signal: interrupt.signal,
    show: (piece) => (json === true ? undefined : writeOut(piece)),
    onPass: () => waits.pass(model.decoder.readings()[0]?.waitMs ?? 0),
  });
  const summary: ClusterSummary = {
    ...streamed,
    perToken: perToken && {
      computeMs: perToken.agentMs,
      syncMs: perToken.linkMs,
      waitMs: waits.perTokenMs(streamed.tokens.length),
      bytes: linkBytesPerToken,
    },
    ranks: await model.decoder.report(),
    ...(options.explain && { explanation }),
  };
  if (json !== true) await writeOut('\n');
  await printResult(json === true, summary, () => '');
  if (json !== true) process.stderr.write(clusterText(summary));
}

function tell(progress: Progress, event: ClusterEvent, explain: boolean): void {
  if (event.kind === 'lost') progress.say(`the rank at ${event.rank} is lost: ${event.reason.message}`);
  else if (event.kind === 'returned') progress.say(`the rank at ${event.rank} is there again`);
  else if (event.kind === 'damaged-shard') progress.say(damagedShardText(event.what));
  else if (event.kind === 'no-slots') progress.say(noSlotsText(event.why));
  else if (event.ranks.length === 0) progress.say('this machine goes on alone');
  else {
    progress.show(`${event.ranks.length + 1} ranks are together`);
    if (explain) for (const line of event.facts.explanation) progress.say(line);
  }
}
