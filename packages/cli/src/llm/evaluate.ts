import { readFile } from 'node:fs/promises';
import { CutpointError, systemReason } from '@cutpoint/core';
import { openLanguageModel, perplexityOf } from '@cutpoint/llm';
import { onInterrupt } from '../interrupt.js';
import { parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { fields } from '../output/table.js';
import type { Verb } from '../verb.js';

interface EvaluateOptions {
  readonly text: string;
  readonly context?: number;
  readonly threads: number;
  readonly json?: true;
}

/** Longer windows take long, and memory for the logits of all their tokens. */
const mostContext = 2048;

/** `cutpoint llm eval`: how surprised a package is by a text. */
export const evaluateVerb: Verb = {
  example: 'cutpoint llm eval llama --text val.txt --context 512',
  configure: (command) =>
    command
      .argument('<package>', 'a folder that `cutpoint llm import` made')
      .requiredOption('--text <file>', 'a text in UTF-8')
      .option(
        '--context <n>',
        `tokens of a window (default: the model's context, ${mostContext} at most)`,
        parsePositive,
      )
      .option('--threads <n>', 'threads of an operator', parsePositive, 1)
      .action(run),
};

async function run(folder: string, { text: path, context, threads, json }: EvaluateOptions): Promise<void> {
  using interrupt = onInterrupt();
  using progress = openProgress();
  const text = await readText(path);
  progress.show('opens the package');
  await using model = await openLanguageModel(folder, { threads, signal: interrupt.signal });
  const tokens = model.tokenizer.encode(text);
  const window = context ?? Math.min(mostContext, model.manifest.config.contextTokens);
  const found = await perplexityOf(model.decoder, tokens, {
    context: window,
    signal: interrupt.signal,
    onProgress: (done, total) => progress.show(`${done} of ${total} tokens`),
  });
  progress[Symbol.dispose]();
  await printResult(json === true, found, () =>
    fields([
      ['perplexity', found.perplexity.toFixed(3)],
      ['tokens', `${found.tokens} scored, in windows of ${window}`],
    ]),
  );
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${systemReason(cause)}.`, { cause });
  }
}
