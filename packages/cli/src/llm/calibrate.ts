import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { readText, tablesFolderOf, writeCodecTables } from '@cutpoint/daemon';
import {
  type CacheKind,
  calibrateLlm,
  createTokenizer,
  defaultHiddenCodecs,
  readPackage,
  readTokenizerFiles,
} from '@cutpoint/llm';
import type { LlmCalibration } from '@cutpoint/plan';
import { profileDevice } from '@cutpoint/profile';
import { parseSpecs } from '../evaluate/specs.js';
import { onInterrupt } from '../interrupt.js';
import { parseCuts, parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { requireReplaceable, requireWritable } from '../output/replaceable.js';
import { printResult } from '../output/result.js';
import { writeJson } from '../output/write-json.js';
import type { Verb } from '../verb.js';
import { parseCaches } from './cache-option.js';
import { calibrationText } from './calibration-text.js';
import { calibrationTexts } from './calibration-texts.js';
import { parseLengths } from './length-options.js';

interface CalibrateOptions {
  readonly text: string;
  readonly out: string;
  readonly also?: readonly string[];
  readonly cuts?: readonly number[];
  readonly codecs?: readonly string[];
  readonly private?: true;
  readonly caches?: readonly CacheKind[];
  readonly tokens: number;
  readonly context?: number;
  readonly lengths?: readonly number[];
  readonly calibrationText?: string;
  readonly deviceId?: string;
  readonly threads: number;
  readonly json?: true;
}

/** Longer windows take long, and memory for the logits of all their tokens. */
const mostContext = 2048;
/** Enough for a difference of half a percent, as all are measured on the same tokens. */
const standardTokens = 4_096;

/** `cutpoint llm calibrate`: what the planner has to know of a language model on this device. */
export const calibrateVerb: Verb = {
  example: 'cutpoint llm calibrate llama-8 --also llama-4 --text val.txt --out llama.calibration.json',
  configure: (command) =>
    command
      .argument('<package>', 'a folder that `cutpoint llm import` made')
      .requiredOption('--text <file>', 'a text in UTF-8, to measure perplexity on')
      .requiredOption('--out <file>', 'write the calibration to this file, as JSON: `cutpoint llm plan` reads it')
      .option('--also <package...>', 'the same model in other widths: each is tried before and behind each cut')
      .option('--cuts <cuts>', 'cuts with commas between (default: all between layers)', parseCuts)
      .option('--codecs <specs>', `codecs with commas between (default: ${defaultHiddenCodecs.join(',')})`, parseSpecs)
      .option('--private', 'also splits that keep the head, and with it all tokens, on the agent')
      .option('--caches <kinds>', 'kinds of cache with commas between, of f32, f16 and 8 (default: f32)', parseCaches)
      .option('--tokens <n>', 'of the text, at most', parsePositive, standardTokens)
      .option('--context <n>', `tokens of a window (default: the model's, ${mostContext} at most)`, parsePositive)
      .option(
        '--lengths <n,...>',
        'lengths at which layers are timed (default: up to the context or 4096)',
        parseLengths,
      )
      .option('--calibration-text <file>', 'of what transform:step makes its tables (default: the model writes a text)')
      .option('--device-id <name>', 'what plans call this device (default: its host name)')
      .option('--threads <n>', 'threads of an operator', parsePositive, 1)
      .action(run),
};

async function run(folder: string, options: CalibrateOptions): Promise<void> {
  const { out, also = [], cuts, codecs, lengths, threads } = options;
  await requireWritable(dirname(resolve(out)));
  await requireReplaceable(out, 'cutpoint-llm-calibration', 'calibration of a language model');
  using interrupt = onInterrupt();
  const { signal } = interrupt;
  using progress = openProgress();
  const onProgress = (line: string) => progress.show(line);
  const packages = await Promise.all([folder, ...also].map(readPackage));
  const [first] = packages;
  const config = first?.manifest.config;
  const contextTokens = config?.contextTokens ?? mostContext;
  const context = options.context ?? Math.min(mostContext, contextTokens);
  const text = await readText(options.text);
  const files = await readTokenizerFiles(folder);
  const tokens = createTokenizer(files.tokenizer, files.config, config?.vocabularySize ?? 0).encode(text);
  onProgress('describes this device');
  const notes: string[] = [];
  const profile = await profileDevice({ signal, onNote: (note) => notes.push(note) });
  const { calibration, tables, timeErrors } = await calibrateLlm({
    packages,
    text: { name: options.text, tokens: tokens.slice(0, options.tokens) },
    context,
    cuts,
    codecs,
    private: options.private === true,
    caches: options.caches,
    lengths,
    calibrationTexts: calibrationTexts(folder, { file: options.calibrationText, context, threads, signal, onProgress }),
    device: { id: options.deviceId ?? hostname(), profile },
    threads,
    onProgress,
    signal,
  });
  progress[Symbol.dispose]();
  await writeJson(out, calibration satisfies LlmCalibration);
  if (tables.size > 0) {
    const tablesFolder = tablesFolderOf(out);
    await writeCodecTables(tablesFolder, tables);
    notes.push(`The tables of transforms are in ${tablesFolder}.`);
  }
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
  await printResult(options.json === true, { ...calibration, timeErrors }, () =>
    calibrationText(calibration, timeErrors),
  );
}
