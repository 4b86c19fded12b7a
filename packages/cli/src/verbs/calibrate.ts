import { dirname, resolve } from 'node:path';
import { tablesFolderOf, writeCodecTables } from '@cutpoint/daemon';
import { type Calibrated, calibrate, defaultCodecs, type PictureSize } from '@cutpoint/evaluate';
import { openCutModel } from '@cutpoint/runtime';
import { noteAssumedDims } from '../assumed-dims.js';
import { calibrationText } from '../evaluate/calibration-text.js';
import { parsePictureSize, rawSizeOption } from '../evaluate/picture-size.js';
import { parseSpecs } from '../evaluate/specs.js';
import { onInterrupt } from '../interrupt.js';
import { dimHelp, parseCuts, parseDim, parsePositive, preprocessingOption } from '../options.js';
import { openProgress } from '../output/progress.js';
import { requireReplaceable, requireWritable } from '../output/replaceable.js';
import { printResult } from '../output/result.js';
import { writeJson } from '../output/write-json.js';
import { parseShare } from '../plan/plan-options.js';
import type { Verb } from '../verb.js';

interface CalibrateVerbOptions {
  readonly dataset: string;
  readonly out: string;
  readonly cuts?: readonly number[];
  readonly codecs?: readonly string[];
  readonly maxLoss: number;
  readonly limit?: number;
  readonly rawSize?: PictureSize;
  readonly preprocessing?: string;
  readonly dim?: ReadonlyMap<string, number>;
  readonly threads: number;
  readonly json?: true;
}

/** `cutpoint calibrate`: what codecs cost at the cuts of a model, for the planner. */
export const calibrateVerb: Verb = {
  example: 'cutpoint calibrate model.onnx --dataset pictures --out model.calibration.json',
  configure: (command) =>
    command
      .argument('<model>', 'an ONNX file, with a file that declares its preprocessing')
      .requiredOption('--dataset <path>', 'a folder of pictures, with a labels.csv if there is one, or raw pixels')
      .requiredOption('--out <file>', 'write the calibration to this file, as JSON: `cutpoint plan --codecs` reads it')
      .option('--cuts <cuts>', 'cuts with commas between (default: the input and the notable cuts)', parseCuts)
      .option('--codecs <specs>', 'codecs with commas between (default: those below)', parseSpecs)
      .option('--max-loss <share>', 'share of answers that a recommended codec may change', parseShare, 0.02)
      .option('--limit <n>', 'measure on at most so many samples, mixed', parsePositive)
      .option(...rawSizeOption, parsePictureSize)
      .option(...preprocessingOption)
      .option('--dim <name=value>', dimHelp, parseDim)
      .option('--threads <n>', 'threads inside one operator', parsePositive, 1)
      .addHelpText(
        'after',
        `\nEvery fourth sample calibrates, the others are measured on. The codecs unless others are named:\n  ${defaultCodecs.join('\n  ')}`,
      )
      .action(async (path: string, options: CalibrateVerbOptions) => {
        await requireWritable(dirname(resolve(options.out)));
        await requireReplaceable(options.out, 'cutpoint-calibration', 'calibration');
        const { calibration, tables, notes } = await withProgress(path, options);
        await writeJson(options.out, calibration);
        const folder = tablesFolderOf(options.out);
        if (tables.size > 0) {
          await writeCodecTables(folder, tables);
          notes.push(`The tables of transforms are in ${folder}: devices that use them need --codec-tables ${folder}.`);
        }
        for (const note of notes) process.stderr.write(`note: ${note}\n`);
        await printResult(options.json === true, calibration, () => calibrationText(calibration));
      }),
};

async function withProgress(path: string, options: CalibrateVerbOptions): Promise<Calibrated & { notes: string[] }> {
  const { dataset, cuts, codecs, maxLoss, limit, rawSize, preprocessing, dim = new Map(), threads } = options;
  using interrupt = onInterrupt();
  const { signal } = interrupt;
  using progress = openProgress();
  progress.show('reading the model');
  const model = await openCutModel(path, { dims: dim, preprocessing, signal });
  noteAssumedDims(model.assumed);
  const notes: string[] = [];
  const calibrated = await calibrate(model, dataset, {
    cuts,
    codecs,
    maxLoss,
    limit,
    rawSize,
    threads,
    dims: dim,
    signal,
    onProgress: (line) => progress.show(line),
    onNote: (note) => notes.push(note),
  });
  return { ...calibrated, notes };
}
