import { openCodecTables } from '@cutpoint/daemon';
import { type Evaluation, evaluate, type PictureSize } from '@cutpoint/evaluate';
import { openCutModel } from '@cutpoint/runtime';
import { noteAssumedDims } from '../assumed-dims.js';
import { evaluationText } from '../evaluate/evaluation-text.js';
import { parsePictureSize, rawSizeOption } from '../evaluate/picture-size.js';
import { onInterrupt } from '../interrupt.js';
import { codecTablesOption, dimHelp, parseCut, parseDim, parsePositive, preprocessingOption } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';

interface EvalOptions {
  readonly dataset: string;
  readonly at: number;
  readonly codec: string;
  readonly codecTables?: string;
  readonly limit?: number;
  readonly all?: true;
  readonly rawSize?: PictureSize;
  readonly preprocessing?: string;
  readonly dim?: ReadonlyMap<string, number>;
  readonly threads: number;
  readonly json?: true;
}

/** `cutpoint eval`: what a cut and its codec cost in bytes and accuracy. */
export const evaluateVerb: Verb = {
  example: 'cutpoint eval model.onnx --dataset pictures --at 42 --codec f16',
  configure: (command) =>
    command
      .argument('<model>', 'an ONNX file, with a file that declares its preprocessing')
      .requiredOption('--dataset <path>', 'a folder of pictures, with a labels.csv if there is one, or raw pixels')
      .option('--at <cut>', 'the cut, as `cutpoint cuts` lists it with the same preprocessing', parseCut, 0)
      .option('--codec <spec>', 'how tensors cross the cut', 'raw')
      .option(...codecTablesOption)
      .option('--limit <n>', 'at most so many samples, mixed', parsePositive)
      .option('--all', 'also the samples that `cutpoint calibrate` calibrates on (every fourth)')
      .option(...rawSizeOption, parsePictureSize)
      .option(...preprocessingOption)
      .option('--dim <name=value>', dimHelp, parseDim)
      .option('--threads <n>', 'threads inside one operator', parsePositive, 1)
      .action(async (path: string, options: EvalOptions) => {
        const { evaluation, notes } = await withProgress(path, options);
        for (const note of notes) process.stderr.write(`note: ${note}\n`);
        await printResult(options.json === true, evaluation, () => evaluationText(evaluation));
      }),
};

async function withProgress(path: string, options: EvalOptions): Promise<{ evaluation: Evaluation; notes: string[] }> {
  const { dataset, at, codec, codecTables, limit, all, rawSize, preprocessing, dim = new Map(), threads } = options;
  using interrupt = onInterrupt();
  const { signal } = interrupt;
  using progress = openProgress();
  progress.show('reading the model');
  const model = await openCutModel(path, { dims: dim, preprocessing, signal });
  noteAssumedDims(model.assumed);
  const tables = codecTables === undefined ? undefined : await openCodecTables(codecTables, model.file.hash);
  const notes: string[] = [];
  const evaluation = await evaluate(model, dataset, {
    at,
    codec,
    tables,
    limit,
    rawSize,
    threads,
    signal,
    purpose: all === true ? 'all' : 'evaluate',
    onProgress: (line) => progress.show(line),
    onNote: (note) => notes.push(note),
  });
  return { evaluation, notes };
}
