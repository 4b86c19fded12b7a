import { resolve } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { listScenarios, runTestbed, writeReport } from '@cutpoint/testbed';
import { Option } from 'commander';
import { onInterrupt } from '../interrupt.js';
import { parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { table } from '../output/table.js';
import { resultsText } from '../plan/results-text.js';
import { addVerb, type Verb } from '../verb.js';

/** `cutpoint testbed`: plans of a scenario, run on emulated devices and links. */
export const testbed: Verb = {
  example: 'cutpoint testbed run home-wifi --model model.onnx --out results',
  configure: (command) => {
    // What follows the name of a part is the part's: both know --json.
    command.enablePositionalOptions();
    command
      .usage('[options] <run|list>')
      .helpCommand(true)
      .argument('[part]')
      .action((name: string | undefined) => {
        const what = name === undefined ? 'Say what to do' : `There is no "${name}"`;
        throw new CutpointError('CUT_USAGE', `${what}: \`cutpoint testbed --help\` explains run and list.`);
      });
    addVerb(
      command,
      { name: 'run', summary: 'Runs the plans of a scenario as real processes and compares what was predicted.' },
      run,
    );
    addVerb(command, { name: 'list', summary: 'Names the scenarios that are shipped.' }, list);
  },
};

interface RunOptions {
  readonly out: string;
  readonly model?: readonly string[];
  readonly resume?: true;
  readonly plans: number;
  readonly seconds: number;
  readonly emulation: 'auto' | 'netns' | 'proxy';
  readonly dilation: number | 'auto';
  readonly json?: true;
}

const run: Verb = {
  example: 'cutpoint testbed run home-wifi --model model.onnx --out results',
  configure: (command) =>
    command
      .argument('<scenario>', 'a YAML file, or a name that `cutpoint testbed list` shows')
      .requiredOption('--out <folder>', 'where results.json, results.csv, report.html and report.svg go')
      .option('--model <file...>', 'ONNX files instead of the models that the scenario names')
      .option('--resume', 'go on with an interrupted run: plans that were measured are not measured again')
      .option('--plans <number>', 'about so many plans of each model, beside the single devices', parsePositive, 16)
      .option('--seconds <number>', 'how long latency and throughput of a plan are measured each', parsePositive, 4)
      .addOption(
        new Option('--emulation <way>', 'how links are emulated: netns needs an administrator and a kernel with netem')
          .choices(['auto', 'netns', 'proxy'])
          .default('auto'),
      )
      .option(
        '--dilation <times>',
        'how many times slower time passes, so that a small machine can stand for many devices; auto: as many as it takes',
        parseDilation,
        'auto',
      )
      .action(runScenario),
};

function parseDilation(text: string): number | 'auto' {
  return text === 'auto' ? text : parsePositive(text);
}

async function runScenario(scenario: string, options: RunOptions): Promise<void> {
  using interrupt = onInterrupt();
  using progress = openProgress();
  const results = await runTestbed({
    scenario,
    ...(options.model === undefined ? {} : { models: options.model.map((path) => resolve(path)) }),
    out: options.out,
    resume: options.resume === true,
    emulation: options.emulation,
    dilation: options.dilation,
    plans: options.plans,
    secondsEach: options.seconds,
    signal: interrupt.signal,
    onProgress: (what) => progress.show(what),
  });
  await writeReport(options.out, results);
  progress[Symbol.dispose]();
  await printResult(options.json === true, results, () => resultsText(results, options.out));
}

const list: Verb = {
  example: 'cutpoint testbed list',
  configure: (command) =>
    command.action(async ({ json }: { json?: true }) => {
      const scenarios = await listScenarios();
      await printResult(json === true, { scenarios }, () =>
        table(
          [{ name: 'scenario' }, { name: 'what it is' }],
          scenarios.map(({ name, title }) => [name, title]),
        ),
      );
    }),
};
