import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TransformTables } from '@cutpoint/codec';
import { CutpointError } from '@cutpoint/core';
import { openCodecTables, shippedTablesOf, writeCodecTables } from '@cutpoint/daemon';
import { openCutModel, type SegmentsFile, writeSegments } from '@cutpoint/runtime';
import { noteAssumedDims } from '../assumed-dims.js';
import { onInterrupt } from '../interrupt.js';
import { codecTablesOption, dimHelp, parseCuts, parseDim } from '../options.js';
import { printResult } from '../output/result.js';
import { table } from '../output/table.js';
import { byteColumn } from '../output/units.js';
import type { Verb } from '../verb.js';

interface SplitOptions {
  readonly at: readonly number[];
  readonly out: string;
  readonly codecTables?: string;
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
      .option(...codecTablesOption)
      .option('--dim <name=value>', dimHelp, parseDim)
      .action(splitModel),
};

async function splitModel(path: string, { at, out, codecTables, dim, json }: SplitOptions): Promise<void> {
  using interrupt = onInterrupt();
  const model = await openCutModel(path, { signal: interrupt.signal, ...(dim && { dims: dim }) });
  noteAssumedDims(model.assumed);
  const tables =
    codecTables === undefined ? undefined : tablesAt(at, await openCodecTables(codecTables, model.file.hash));
  const written = await writeSegments(model, at, out);
  if (tables !== undefined) await writeCodecTables(shippedTablesOf(join(out, 'segments.json')), tables);
  const sizes = byteColumn(await Promise.all(written.segments.map(({ file }) => bytesOf(out, file))));
  await printResult(json === true, { ...written, out }, () => asText(written, out, sizes));
}

/** The tables of these cuts: those that are of use with the segments between them. */
function tablesAt(at: readonly number[], tables: TransformTables): TransformTables {
  const chosen = new Map([...tables].filter(([, { cut }]) => at.includes(cut)));
  if (chosen.size > 0) return chosen;
  const cuts = [...new Set(Array.from(tables.values(), ({ cut }) => cut))].join(', ');
  throw new CutpointError(
    'CUT_CODEC_TABLE',
    `The tables are of cut ${cuts}, not of cut ${at.join(', ')}: calibrate there.`,
  );
}

function asText({ segments }: SegmentsFile, out: string, sizes: readonly string[]): string {
  const heading = table(
    [
      { name: 'segment', align: 'right' },
      { name: 'file' },
      { name: 'size', align: 'right' },
      { name: 'receives' },
      { name: 'sends' },
      { name: 'answers' },
    ],
    segments.map(({ index, file, receives, sends, answers }, row) => [
      String(index),
      file === null ? 'nothing to compute' : join(out, file),
      file === null ? '' : (sizes[row] ?? ''),
      receives.join(' + ') || '-',
      sends.join(' + ') || '-',
      answers.join(' + ') || '-',
    ]),
  );
  const cuts = segments.length - 1;
  const chain = cuts > 1 ? `; with ${cuts} cuts, each segment behind the first runs at a server of its own` : '';
  return `${heading}${join(out, 'segments.json')} is what \`cutpoint serve\` and \`cutpoint agent\` take${chain}.\n`;
}

/** What a segment takes on disk, with its external weights. */
async function bytesOf(folder: string, file: string | null): Promise<number> {
  if (file === null) return 0;
  const names = (await readdir(folder)).filter((name) => name === file || name === `${file}.data`);
  const stats = await Promise.all(names.map((name) => stat(join(folder, name))));
  return stats.reduce((sum, { size }) => sum + size, 0);
}
