import { availableParallelism } from 'node:os';
import { errorCodes, type NamedTensors } from '@cutpoint/core';
import {
  type CutModel,
  concreteInputs,
  cutModelOf,
  dimsOfInputs,
  inputSpecs,
  randomInputs,
  readModelFile,
  type VerifyReport,
  verifySplits,
} from '@cutpoint/runtime';
import { noteAssumedDims } from '../assumed-dims.js';
import { onInterrupt } from '../interrupt.js';
import { readInputs } from '../npy/tensor-files.js';
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
        "\nWith the runtime's graph optimisations off the answers must be the same bits; with them on, fusion across a\ncut may round differently, and the largest difference over the output's range must stay within a stated bound.",
      )
      .action(verifyModel),
};

async function verifyModel(path: string, options: VerifyOptions): Promise<void> {
  using interrupt = onInterrupt();
  const { signal } = interrupt;
  const file = await readModelFile(path);
  const specs = inputSpecs(file.graph);
  const given = options.input === undefined ? undefined : await readInputs(options.input, specs);
  const dims = given === undefined ? (options.dim ?? new Map()) : dimsOfInputs(specs, given);
  const model = await cutModelOf(file, { dims, signal });
  noteAssumedDims(model.assumed);
  const inputs = given ?? randomInputs(concreteInputs(specs, dims).inputs);
  const splits = chosenSplits(model, options);
  const report = await verifyWithProgress(model, splits, inputs, signal);
  const trial = { splits, input: options.input };
  await printResult(options.json === true, { ...report, model: path }, () => asText(report, trial));
  if (report.failures.length === 0) return;
  // Said here and not thrown: the report on stdout is the result, and there is only one.
  process.stderr.write(`error CUT_NOT_EQUAL: ${errorCodes.CUT_NOT_EQUAL.meaning}\n`);
  process.exitCode = errorCodes.CUT_NOT_EQUAL.exit;
}

/** One split for each chosen cut; cuts named by `--at` are also all made at once. */
function chosenSplits(model: CutModel, { at, every }: VerifyOptions): number[][] {
  if (at !== undefined) return [...at.map((index) => [index]), ...(at.length > 1 ? [[...at]] : [])];
  const last = model.list.cuts.length - 1;
  return model.list.cuts.filter(({ index }) => index % every === 0 || index === last).map(({ index }) => [index]);
}

async function verifyWithProgress(
  model: CutModel,
  splits: readonly number[][],
  inputs: NamedTensors,
  signal: AbortSignal,
): Promise<VerifyReport> {
  using progress = openProgress();
  progress.show(`running ${model.file.name} whole`);
  return await verifySplits(model, splits, {
    inputs,
    signal,
    concurrency: Math.min(availableParallelism(), 4),
    onProgress: (done, total) => progress.show(`verified ${done} of ${total} splits of ${model.file.name}`),
  });
}

/** What was run, for the report. */
interface Trial {
  readonly splits: readonly (readonly number[])[];
  /** The input file; undefined for random inputs. */
  readonly input: string | undefined;
}

function asText(report: VerifyReport, { splits, input }: Trial): string {
  const { model, cuts, maxAbsDiff, maxRelDiffOptimised, bounds, failures } = report;
  const failed = new Set(failures.map(({ at }) => at)).size;
  const outcome = failed === 0 ? 'all equal to the whole' : `${failed} not equal to the whole`;
  const summary = fields([
    ['model', `${model} (cuts 0 to ${cuts - 1})`],
    ['verified', `${splits.length} ${splits.length === 1 ? 'split' : 'splits'} at ${where(splits, cuts)}: ${outcome}`],
    ['inputs', input ?? 'random'],
    ['optimisations off', `largest difference ${scientific(maxAbsDiff)}`],
    ['optimisations on', `largest difference ${scientific(maxRelDiffOptimised)} of the output's range`],
    ['allowed', `${bounds.exact} off, ${bounds.optimised} on (${bounds.reason})`],
  ]);
  const lines = failures.map(
    ({ at, name, optimisation, reason }) =>
      `FAILED at cut ${at.join(',')} (after ${name}), optimisations ${optimisation === 'none' ? 'off' : 'on'}: ${reason}\n`,
  );
  return summary + lines.join('');
}

const mostListed = 12;

/** Where the splits were made: the range where it is every cut, else their list, shortened in the middle. */
function where(splits: readonly (readonly number[])[], cuts: number): string {
  if (splits.length === cuts) return `every cut from 0 to ${cuts - 1}`;
  const names = splits.map((at) => at.join(' and '));
  const listed = names.length <= mostListed ? names : [...names.slice(0, 3), '...', ...names.slice(-1)];
  return `${splits.length === 1 ? 'cut' : 'the cuts'} ${listed.join(', ')}`;
}

/** A difference; an exact zero is one, and not a small number. */
function scientific(value: number): string {
  return value === 0 ? '0' : value.toExponential(1);
}
