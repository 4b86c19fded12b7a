import { readAuthorityFile, readTokenFile } from '@cutpoint/daemon/client';
import type { Command } from 'commander';
import { parseAddress } from '../address-option.js';
import { onInterrupt } from '../interrupt.js';
import {
  codecTablesOption,
  dimHelp,
  parseCodecs,
  parseCuts,
  parseDim,
  parsePositive,
  preprocessingOption,
  providerOption,
} from '../options.js';
import { providerText } from '../output/provider-text.js';
import { describeTensors } from '../output/tensors.js';
import { formatBytes } from '../output/units.js';
import { type Fact, printAnswer } from '../run/print-answer.js';
import { type RunAnswer, runSplit } from '../run/run-split.js';
import type { Verb } from '../verb.js';

interface RunOptions {
  readonly at?: readonly number[];
  readonly codec?: readonly string[];
  readonly codecTables?: string;
  readonly input: string;
  readonly server?: string;
  readonly serverCa?: string;
  readonly serverTokenFile?: string;
  readonly dim?: ReadonlyMap<string, number>;
  readonly preprocessing?: string;
  readonly provider: string;
  readonly threads: number;
  readonly timeoutMs: number;
  readonly out?: string;
  readonly json?: true;
}

/** `cutpoint run`: one inference, split. */
export const run: Verb = {
  example: 'cutpoint run model.onnx --at 12 --input picture.npy',
  configure: (command) => {
    command
      .argument('<model>', 'an ONNX file, or the segments.json that `cutpoint split` wrote')
      .option('--at <cut>', 'the cut, as `cutpoint cuts` numbers it; not for a segments.json', parseCuts)
      .option(
        '--codec <spec>',
        'how the tensors cross, such as f16 or ts-tabq:delta=1e-3+rans (default: raw)',
        parseCodecs,
      )
      .option(...codecTablesOption)
      .requiredOption('--input <file>', 'a .npy file for a model with one input, or a .npz file with inputs by name')
      .option('--server <url>', 'address of a server; without it one is started for this run', parseAddress)
      .option('--server-ca <file>', "PEM file with the authority of the server's certificate")
      .option('--server-token-file <file>', 'file with the token to present to the server')
      .option('--dim <name=value>', dimHelp, parseDim)
      .option(...preprocessingOption)
      .option(...providerOption)
      .option('--threads <number>', 'threads inside one operator', parsePositive, 1)
      .option('--timeout-ms <number>', 'how long the run may take once all is loaded', parsePositive, 60_000)
      .option('--out <file>', 'write all outputs to a .npz file')
      .action((model: string, _, command: Command) => runVerb(model, command.opts<RunOptions>()));
  },
};

async function runVerb(model: string, options: RunOptions): Promise<void> {
  using interrupt = onInterrupt();
  const {
    at = [],
    codec: codecs = ['raw'],
    codecTables,
    input,
    dim: dims = new Map(),
    preprocessing,
    provider,
    threads,
    timeoutMs: deadlineMs,
  } = options;
  const server = await serverOf(options);
  const how = { dims, preprocessing, provider, threads, deadlineMs };
  const request = { model, at, codecs, codecTables, input, ...how, server };
  const answer = await runSplit(request, interrupt.signal);
  await printAnswer(answer, options, factsOf(answer, options));
}

/** How the run was made, for people. */
function factsOf({ cuts, sent, server, provider }: RunAnswer, options: RunOptions): readonly Fact[] {
  const bytes = sent.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const used = options.server === undefined ? 'started for this run' : server;
  return [
    [cuts.length === 1 ? 'cut' : 'cuts', cuts.map(({ index, name }) => `${index} (after ${name})`).join(', ')],
    [
      cuts.length === 1 ? 'crossed' : 'crossed first',
      sent.length === 0 ? 'nothing' : `${formatBytes(bytes)}: ${describeTensors(sent)}`,
    ],
    ['server', server === undefined || used === undefined ? 'not needed' : used],
    ...(provider === undefined ? [] : [['computed by', providerText(provider)] as const]),
    ['timed', 'one run; loading is not counted'],
  ];
}

async function serverOf({ server: url, serverCa, serverTokenFile }: RunOptions) {
  if (url === undefined) return undefined;
  return {
    url,
    ...(serverCa === undefined ? {} : { ca: await readAuthorityFile(serverCa) }),
    ...(serverTokenFile === undefined ? {} : { token: await readTokenFile(serverTokenFile) }),
  };
}
