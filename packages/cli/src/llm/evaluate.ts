import { CutpointError } from '@cutpoint/core';
import { codecTablesFrom, readText } from '@cutpoint/daemon';
import {
  type CacheKind,
  type CutEvaluation,
  codesFor,
  createTokenizer,
  evaluateCut,
  evaluationCache,
  leakAtCuts,
  modelIdentity,
  type OpenedModel,
  openLanguageModelOn,
  type Package,
  type Perplexity,
  perplexityOf,
  readPackage,
  readTokenizerFiles,
  readTuning,
} from '@cutpoint/llm';
import type { ProviderChoice } from '@cutpoint/runtime';
import { onInterrupt } from '../interrupt.js';
import { codecTablesOption, parseCut, parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';
import { cacheOption } from './cache-option.js';
import { calibrationTexts } from './calibration-texts.js';
import { type EvaluateSummary, evaluationText } from './evaluation-text.js';
import { tellMeasuring } from './open-model.js';
import { addProviderOptions, type ProviderOptions, requireFitting } from './provider-option.js';

interface EvaluateOptions extends ProviderOptions {
  readonly text: string;
  readonly at?: number;
  readonly codec?: string;
  readonly answerCodec?: string;
  readonly back?: string;
  readonly private?: true;
  readonly leak?: true;
  readonly codecTables?: string;
  readonly calibrationText?: string;
  readonly context?: number;
  readonly threads: number;
  readonly cache: CacheKind;
  readonly json?: true;
}

/** Longer windows take long, and memory for the logits of all their tokens. */
const mostContext = 2048;

/** `cutpoint llm eval`: how surprised a package is by a text, whole or cut in two, and what its hidden states give away. */
export const evaluateVerb: Verb = {
  example: 'cutpoint llm eval llama --text val.txt --at 8 --codec affine:bits=4,per=token',
  configure: (command) =>
    addProviderOptions(command)
      .argument('<package>', 'a folder that `cutpoint llm import` made')
      .requiredOption('--text <file>', 'a text in UTF-8')
      .option('--at <cut>', 'cut the model in two behind so many layers (default: not cut)', parseCut)
      .option(
        '--codec <spec>',
        'how hidden states cross the cut; transform:step=0.3 makes a table first (default: raw)',
      )
      .option('--back <package>', 'the same model in another width, for the layers behind the cut (default: the same)')
      .option('--private', 'the head stays before the cut: hidden states come back')
      .option('--answer-codec <spec>', 'with --private: how they come back (default: as --codec, or f16 for a table)')
      .option('--leak', 'also say how many tokens can be read from the hidden states, at --at or at each cut')
      .option(...codecTablesOption)
      .option('--calibration-text <file>', 'of what transform:step makes its table (default: the model writes a text)')
      .option(
        '--context <n>',
        `tokens of a window (default: the model's context, ${mostContext} at most)`,
        parsePositive,
      )
      .option('--threads <n>', 'threads of an operator', parsePositive, 1)
      .addOption(cacheOption())
      .action(run),
};

async function run(folder: string, options: EvaluateOptions): Promise<void> {
  requireCut(options);
  using interrupt = onInterrupt();
  const { signal } = interrupt;
  using progress = openProgress();
  const text = await readText(options.text);
  progress.show('opens the package');
  const front = await readPackage(folder);
  const tokens = await tokensOf(front, text);
  const { config } = front.manifest;
  const context = options.context ?? Math.min(mostContext, config.contextTokens);
  const { at, codec, private: isPrivate, answerCodec, threads, cache, leak, codecTables } = options;
  const tables = await codecTablesFrom(codecTables)(modelIdentity(front.manifest));
  const texts = calibrationTexts(folder, {
    file: options.calibrationText,
    context,
    threads,
    signal,
    onProgress: (line) => progress.show(line),
  });
  const shared = { tables, calibrationTexts: texts, tokens, context, threads, signal };
  const onProgress = (done: number, total: number) => progress.show(`${done} of ${total} tokens`);
  let found: (Perplexity & { readonly provider: ProviderChoice }) | CutEvaluation;
  if (at === undefined) {
    await using model = await openWhole(folder, options, { context, signal });
    const perplexity = await perplexityOf(model.decoder, tokens, { context, signal, onProgress });
    found = { ...perplexity, provider: model.provider };
  } else {
    const back = options.back === undefined ? undefined : await readPackage(options.back);
    const asked = { cut: at, codec: codec ?? 'raw', answerCodec, private: isPrivate === true };
    found = await evaluateCut({ ...shared, ...asked, cache, front, back, onProgress });
  }
  const onCut = (cut: number) => progress.show(`reads tokens from hidden states at cut ${cut}`);
  const leaks =
    leak === undefined ? undefined : await leakAtCuts({ ...shared, package: front, cut: at, codec, onProgress: onCut });
  progress[Symbol.dispose]();
  const summary: EvaluateSummary = { ...found, ...(leaks === undefined ? {} : { leak: leaks }) };
  await printResult(options.json === true, summary, () => evaluationText(summary, context));
}

async function openWhole(
  folder: string,
  { provider, bits, threads, cache }: EvaluateOptions,
  { context, signal }: { readonly context: number; readonly signal: AbortSignal },
): Promise<OpenedModel> {
  const wgpu = { codes: bits && (await codesFor(folder, bits)), tuning: readTuning, textTokens: context };
  const told = { onMeasuring: tellMeasuring, signal };
  return await openLanguageModelOn(folder, { provider, threads, ...evaluationCache(cache), wgpu, ...told });
}

/** Options that say something of a cut need one; `--leak` takes a codec at every cut. */
function requireCut(options: EvaluateOptions): void {
  requireFitting(options);
  const { at, leak, codec, back, private: isPrivate, answerCodec } = options;
  const needs = { '--back': back, '--private': isPrivate, ...(leak ? {} : { '--codec': codec }) };
  const [name] = Object.entries(needs).find(([, value]) => value !== undefined && at === undefined) ?? [];
  if (name !== undefined) throw new CutpointError('CUT_USAGE', `${name} is of a cut: say where with --at.`);
  if (answerCodec !== undefined && isPrivate === undefined) {
    throw new CutpointError('CUT_USAGE', '--answer-codec is of hidden states that come back: give --private.');
  }
}

async function tokensOf({ folder, manifest }: Package, text: string): Promise<readonly number[]> {
  const files = await readTokenizerFiles(folder);
  return createTokenizer(files.tokenizer, files.config, manifest.config.vocabularySize).encode(text);
}
