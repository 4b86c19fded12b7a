import { join } from 'node:path';
import { openCutModel, writeSegments } from '@cutpoint/runtime';
import { noteAssumedDims } from '../assumed-dims.js';
import { onInterrupt } from '../interrupt.js';
import { dimHelp, parseCuts, parseDim } from '../options.js';
import { printResult } from '../output/result.js';
import { table } from '../output/table.js';
import type { Verb } from '../verb.js';

interface SplitOptions {
  readonly at: readonly number[];
  readonly out: string;
  readonly dim?: ReadonlyMap<string, number>;
  readonly json?: true;
}

/** `cutpoint split`: writes the segments as ONNX files of their own. */
export const split: Verb = {
  example: 'cutpoint split model.onnx --at 12 --out segments',
  configure: (command) =>
    command
      .argument('<model>', 'an ONNX file')
      .requiredOption(
        '--at <cuts>',
        'where to cut: indices as `cutpoint cuts` lists them, separated by commas',
        parseCuts,
      )
      .requiredOption('--out <folder>', 'folder for segment-0.onnx, segment-1.onnx, ... and segments.json')
      .option('--dim <name=value>', dimHelp, parseDim)
      .action(splitModel),
};

async function splitModel(path: string, { at, out, dim, json }: SplitOptions): Promise<void> {
  using interrupt = onInterrupt();
  const model = await openCutModel(path, { signal: interrupt.signal, ...(dim && { dims: dim }) });
  noteAssumedDims(model.assumed);
  const written = await writeSegments(model, at, out);
  await printResult(json === true, { ...written, out }, () =>
    table(
      [
        { name: 'segment', align: 'right' },
        { name: 'file' },
        { name: 'receives' },
        { name: 'sends' },
        { name: 'answers' },
      ],
      written.segments.map(({ index, file, receives, sends, answers }) => [
        String(index),
        file === null ? 'nothing to compute' : join(out, file),
        receives.join(' ') || '-',
        sends.join(' ') || '-',
        answers.join(' ') || '-',
      ]),
    ),
  );
}
