import { type CacheChoice, samplingOf, splitWidthsOf } from '@cutpoint/llm';
import { onInterrupt } from '../interrupt.js';
import { parseNumber, parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult, writeOut } from '../output/result.js';
import type { Verb } from '../verb.js';
import { agentCacheOption } from './cache-option.js';
import { type GenerateSummary, generationText } from './generation.js';
import { openModel } from './open-model.js';
import { addProviderOptions, type ProviderOptions } from './provider-option.js';
import { addSamplingOptions, type SamplingOptions } from './sampling-options.js';
import { addSplitOptions, type SplitOptions } from './split-options.js';
import { streamText } from './stream-text.js';

interface GenerateOptions extends SplitOptions, SamplingOptions, ProviderOptions {
  readonly prompt: string;
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly draft?: number;
  readonly threads: number;
  readonly cache: CacheChoice;
  readonly json?: true;
}

/** `cutpoint llm generate`: a package continues a text. */
export const generateVerb: Verb = {
  example: 'cutpoint llm generate llama --prompt "Once upon a time" --max-tokens 64',
  configure: (command) =>
    addSamplingOptions(addSplitOptions(addProviderOptions(command)))
      .argument('<package>', 'a folder that `cutpoint llm import` made')
      .requiredOption('--prompt <text>', 'the text to continue')
      .option('--max-tokens <n>', 'tokens at most', parsePositive, 128)
      .option('--temperature <n>', '0 takes the likeliest token each time (default: 0)', parseNumber)
      .option('--seed <n>', 'the same seed gives the same text (default: 0)', parseNumber)
      .option('--stop <text...>', 'ends before this text')
      .option(
        '--draft <n>',
        'guess so many tokens from the text so far, and verify them at once (default: none)',
        parsePositive,
      )
      .option('--threads <n>', 'threads of an operator', parsePositive, 1)
      .addOption(agentCacheOption())
      .action(run),
};

async function run(folder: string, options: GenerateOptions): Promise<void> {
  const { prompt, maxTokens, stop = [], draft = 0, threads, cache, json } = options;
  const { temperature, topK, topP, minP, repetitionPenalty, seed } = options;
  const sampling = samplingOf({ temperature, topK, topP, minP, repetitionPenalty, seed });
  using interrupt = onInterrupt();
  using progress = openProgress();
  progress.show('opens the package');
  const textTokens = mostTokensOf(prompt) + maxTokens + draft;
  await using model = await openModel({ ...options, folder, threads, cache, textTokens }, interrupt.signal);
  progress[Symbol.dispose]();
  const streamed = await streamText(model, {
    prompt,
    maxTokens,
    sampling,
    stop,
    draftTokens: draft,
    signal: interrupt.signal,
    show: (piece) => (json === true ? undefined : writeOut(piece)),
  });
  const summary: GenerateSummary = {
    ...streamed,
    widths: splitWidthsOf(model),
    ...(model.provider && { provider: model.provider }),
  };
  if (json !== true) await writeOut('\n');
  await printResult(json === true, summary, () => '');
  if (json !== true) process.stderr.write(generationText(summary));
}

/** No token is shorter than a byte; a few mark the beginning. */
function mostTokensOf(text: string): number {
  return Buffer.byteLength(text) + 8;
}
