import type { CodeWidths } from '@cutpoint/gpu';
import { parseWidths } from '@cutpoint/llm';
import { onInterrupt } from '../interrupt.js';
import { parsePositive } from '../options.js';
import { openProgress } from '../output/progress.js';
import { printResult } from '../output/result.js';
import { table } from '../output/table.js';
import type { Verb } from '../verb.js';
import { benchGpu, type GpuBench } from './gpu.js';

interface GpuBenchOptions {
  readonly rows: readonly number[];
  readonly outputs: number;
  readonly columns: number;
  readonly bits: readonly CodeWidths[];
  readonly json?: true;
}

const usualWidths = 'w1a8,w2a8,w3a8,w4a8,w8a8,w2a2';

/** `cutpoint bench gpu`. */
export const gpuBench: Verb = {
  example: 'cutpoint bench gpu --rows 1,64 --bits w2a8,w4a8',
  configure: (command) =>
    command
      .option('--rows <counts>', 'rows of activations: one token, or many', listOf(parsePositive), [1, 64])
      .option('--outputs <n>', 'rows of the weights', parsePositive, 1024)
      .option('--columns <n>', 'columns of both', parsePositive, 1024)
      .option(
        '--bits <widths>',
        'widths of weights and activations',
        listOf(parseWidths),
        listOf(parseWidths)(usualWidths),
      )
      .action(async ({ rows, outputs, columns, bits, json }: GpuBenchOptions) => {
        using interrupt = onInterrupt();
        using progress = openProgress();
        const { signal } = interrupt;
        const onProgress = (line: string) => progress.show(line);
        const result = await benchGpu({ rows, outputs, columns, widths: bits, signal, onProgress });
        progress[Symbol.dispose]();
        await printResult(json === true, result, () => benchText(result));
      }),
};

function listOf<T>(parse: (text: string) => T): (text: string) => readonly T[] {
  return (text) => text.split(',').map((one) => parse(one));
}

function benchText({ adapter, rows, notes }: GpuBench): string {
  const names = ['m', 'n', 'k', 'weights', 'activations', 'us', 'Gop/s', 'vs f32', 'ort us', 'vs ort'];
  const counts = ['instructions', 'bytes'];
  const columns = [{ name: 'kernel' }, ...[...names, ...counts].map((name) => ({ name, align: 'right' as const }))];
  const cells = rows.map((row) => [
    row.kernel,
    ...[row.m, row.n, row.k, row.wBits, row.aBits].map(String),
    row.us.toFixed(0),
    row.gops.toFixed(1),
    row.vsF32.toFixed(2),
    row.ortUs?.toFixed(0) ?? '-',
    row.vsOrt?.toFixed(2) ?? '-',
    row.instructionsPerMac.toFixed(2),
    row.bytesPerMac.toPrecision(2),
  ]);
  const meaning =
    'Instructions and bytes are those of one multiplication with its addition, by the arithmetic of each kernel.\n';
  return `${adapter.description}\n${table(columns, cells)}${meaning}${notes.map((note) => `${note}\n`).join('')}`;
}
