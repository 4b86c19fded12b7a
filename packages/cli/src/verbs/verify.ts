import { availableParallelism } from 'node:os';
import { CutpointError, type NamedTensors } from '@cutpoint/core';
import { type CutModel, concreteInputs, openCutModel, randomInputs, type VerifyReport, verifySplits } from '@cutpoint/runtime';
import { noteAssumedDims } from '../assumed-dims.js';
import { onInterrupt } from '../interrupt.js';
import { readInputFile } from '../npy/tensor-files.js';
import { dimHelp, parseCuts, parseDim, parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { fields } from '../output/table.js';
import type { Verb } from '../verb.js';

interface VerifyOptions {
  readonly at?: readonly number[];
  readonly every: number;
  readonly input?: string;
  readonly dim?: ReadonlyMap<string, number>;
  readonly json?: true;
}

/** `cutpoint verify`: proves that split equals whole. */
export const verify: Verb = {
  name: 'verify',
  summary: 'Runs a model whole and split at its cuts, and compares the answers.',
  example: 'cutpoint verify model.onnx --every 10',
  configure: (command) =>
    command
      .argument('<model>', 'an ONNX file')
      .option('--at <cuts>', 'only these cuts, each alone and then all at once; separated by commas', parseCuts)
      .option('--every <n>', 'only every nth cut, and the last', parsePositive, 1)
      .option('--input <file>', 'a .npy or .npz file instead of random inputs')
      .option('--dim <name=value>', dimHelp, parseDim)
      .addHelpText(
        'after',
        '\nWith the runtime\'s graph optimisations off the answers must be the same bits; with them on, fusion across a\ncut may round differently, and the largest difference over the output\'s range must stay within a stated bound.',
      )
      .action(verifyModel),
};

async function verifyModel(path: string, options: VerifyOptions): Promise<void> {
  using interrupt = onInterrupt();
  const { signal } = interrupt;
  const given = options.input === undefined ? undefined : await readInputFile(options.input);
  const model = await openCutModel(path, { signal, ...(options.dim && { dims: options.dim }) });
  const inputs = inputsFor(model, options, given);
  const report = await verifyWithProgress(model, chosenSplits(model, options), inputs, signal);
  await printResult(options.json === true, { ...report, model: path }, () => asText(report));
  if (report.failures.length > 0) process.exitCode = 1;
}

function inputsFor(model: CutModel, options: VerifyOptions, given: InputFile | undefined): NamedTensors {
  if (given !== undefined) return given.forInputs(model.inputs);
  noteAssumedDims(model.assumed);
  return randomInputs(concreteInputs(model.inputs, options.dim ?? new Map()).inputs);
}
