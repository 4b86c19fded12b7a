import { splitSpecs } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import { Option } from 'commander';
import { clusterBench } from '../bench/cluster-verb.js';
import { benchCodec, type CodecBench, usualCodecs } from '../bench/codec.js';
import { gpuBench } from '../bench/gpu-verb.js';
import { llmBench } from '../bench/llm-verb.js';
import { benchOverhead, type OverheadBench } from '../bench/overhead.js';
import { benchWire, type WireBench } from '../bench/wire.js';
import { onInterrupt } from '../interrupt.js';
import { dimHelp, parseCut, parseDim, parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { alignRight, fields, table } from '../output/table.js';
import { formatBytes, msColumn } from '../output/units.js';
import { addVerb, type Verb } from '../verb.js';

/** `cutpoint bench`: measurements of Cutpoint itself. */
export const bench: Verb = {
  example: 'cutpoint bench overhead model.onnx --at 60',
  configure: (command) => {
    // What follows a benchmark's name is the benchmark's: both know --json.
    command.enablePositionalOptions();
    command
      .usage('[options] <benchmark>')
      .helpCommand(true)
      .argument('[benchmark]')
      .action((name: string | undefined) => {
        const what = name === undefined ? 'Name a benchmark' : `There is no benchmark "${name}"`;
        throw new CutpointError(
          'CUT_USAGE',
          `${what}: \`cutpoint bench --help\` explains cluster, codec, gpu, llm, overhead and wire.`,
        );
      });
    addVerb(
      command,
      {
        name: 'cluster',
        summary: 'Measures ranks of one core each beside one process with as many threads, in the same run.',
      },
      clusterBench,
    );
    addVerb(
      command,
      { name: 'codec', summary: 'Measures codecs on activations of real models beside a copy of the same tensor.' },
      codec,
    );
    addVerb(
      command,
      { name: 'gpu', summary: 'Measures products of codes of 1 to 8 bits on a GPU, beside f32.' },
      gpuBench,
    );
    addVerb(
      command,
      { name: 'llm', summary: 'Measures a language model of a known shape, beside another engine in the same run.' },
      llmBench,
    );
    addVerb(
      command,
      {
        name: 'overhead',
        summary: 'Measures a split run against its two halves and its throughput against the slower half.',
      },
      overhead,
    );
    addVerb(
      command,
      { name: 'wire', summary: 'Measures round trips and throughput of the wire beside a bare TCP echo.' },
      wire,
    );
  },
};

interface CodecOptions {
  readonly codecs: readonly string[];
  readonly json?: true;
}

const codec: Verb = {
  example: 'cutpoint bench codec --codecs f16,ts-tabq+rans',
  configure: (command) =>
    command
      .option('--codecs <specs>', 'the codecs, separated by commas', splitSpecs, usualCodecs)
      .action(async ({ codecs, json }: CodecOptions) => {
        using interrupt = onInterrupt();
        using progress = openProgress();
        const result = await benchCodec(codecs, interrupt.signal, (line) => progress.show(line));
        progress[Symbol.dispose]();
        await printResult(json === true, result, () => codecText(result));
      }),
};

/** Codec by codec under each tensor, as both names are long. */
function codecText({ kernels, notes, rows }: CodecBench): string {
  const columns = ['tensor and codec', 'encode GB/s', 'decode GB/s', 'bytes', 'ratio', 'relative MSE', 'largest error'];
  const cells = rows.flatMap((row, i) => {
    const first = row.tensor !== rows[i - 1]?.tensor;
    const heading = `${row.tensor} (memcpy ${rateText(row.memcpyGBps)})`;
    const own = [
      `  ${row.codec}`,
      rateText(row.encodeGBps),
      rateText(row.decodeGBps),
      String(row.bytes),
      row.ratio.toFixed(2),
      row.relMse.toExponential(1),
      row.maxAbs.toPrecision(2),
    ];
    return first ? [[heading, ...own.slice(1).map(() => '')], own] : [own];
  });
  const heading = `kernels ${kernels}, one core, medians, rates of f32 in or out\n`;
  const aligned = columns.map((name, i) => ({ name, align: i < 1 ? ('left' as const) : ('right' as const) }));
  return heading + table(aligned, cells) + notes.map((note) => `${note}\n`).join('');
}

function rateText(gBps: number): string {
  return gBps.toFixed(gBps < 0.1 ? 3 : 2);
}

/** Beyond this variation between rounds the figures are not to be trusted. */
const unsteady = 0.3;

interface OverheadOptions {
  readonly at: number;
  readonly runs: number;
  readonly dim?: ReadonlyMap<string, number>;
  readonly json?: true;
}

const overhead: Verb = {
  example: 'cutpoint bench overhead model.onnx --at 60',
  configure: (command) =>
    command
      .argument('<model>', 'an ONNX file')
      .requiredOption('--at <cut>', 'the cut, as `cutpoint cuts` numbers it', parseCut)
      .option('--runs <n>', 'how often each is run', parsePositive, 200)
      .option('--dim <name=value>', dimHelp, parseDim)
      .action(async (model: string, { at, runs, dim, json }: OverheadOptions) => {
        using interrupt = onInterrupt();
        using progress = openProgress();
        const request = { model, at, runs, dims: dim ?? new Map() };
        const result = await benchOverhead(request, interrupt.signal, (done, total) =>
          progress.show(`run ${done} of ${total}: whole, front, back, split`),
        );
        progress[Symbol.dispose]();
        await printResult(json === true, result, () => overheadText(result));
      }),
};

function overheadText(result: OverheadBench): string {
  const rate = (perSecond: number) => `${perSecond.toFixed(1)} requests/s`;
  const { wholeMs, frontMs, backMs, splitMs, computeMs } = result;
  const [whole = '', front = '', back = '', split = '', compute = ''] = alignRight(
    msColumn([wholeMs, frontMs, backMs, splitMs, computeMs]),
  );
  const text = fields([
    ['whole', whole],
    ['front', front],
    ['back', back],
    ['split', `${split}, ${result.ratio.toFixed(3)} times front + back`],
    ['inference', `${compute} of front + back; the rest is the way to the worker threads`],
    ['throughput', `${rate(result.throughputHz)} with 4 under way`],
    [
      'bound',
      `${rate(result.boundHz)}, the slower half without a link; ${(result.throughputRatio * 100).toFixed(0)} % reached`,
    ],
  ]);
  if (result.unsteadiness <= unsteady) return text;
  const percent = (result.unsteadiness * 100).toFixed(0);
  return `${text}The rates varied by ${percent} % between rounds: repeat this on a quiet machine.\n`;
}

interface WireOptions {
  readonly transport: string;
  readonly json?: true;
}

const wire: Verb = {
  example: 'cutpoint bench wire --transport tcp',
  configure: (command) =>
    command
      .addOption(new Option('--transport <name>', 'how frames travel').choices(['ws', 'tcp']).default('ws'))
      .action(async ({ transport, json }: WireOptions) => {
        using interrupt = onInterrupt();
        const result = await benchWire({ transport: transport === 'tcp' ? 'tcp' : 'ws', signal: interrupt.signal });
        await printResult(json === true, result, () => wireText(result));
      }),
};

function wireText({ transport, rows }: WireBench): string {
  const columns = ['payload', 'p50', 'p99', 'bare p50', 'bare p99', 'ratio', 'MB/s', 'bare MB/s', 'ratio'];
  const microseconds = rows.flatMap(({ p50Us, p99Us, bareP50Us, bareP99Us }) => [p50Us, p99Us, bareP50Us, bareP99Us]);
  const times = msColumn(microseconds.map((us) => us / 1000));
  const cells = rows.map((row, i) => [
    formatBytes(row.bytes),
    ...times.slice(4 * i, 4 * i + 4),
    row.roundTripRatio.toFixed(2),
    row.throughputMBps.toFixed(0),
    row.bareThroughputMBps.toFixed(0),
    row.throughputRatio.toFixed(2),
  ]);
  const heading = `${transport} on loopback beside a bare TCP echo: round trips, then throughput with 4 under way\n`;
  const right = columns.map((name) => ({ name, align: 'right' as const }));
  return heading + table(right, cells);
}
