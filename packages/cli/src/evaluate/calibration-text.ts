import type { CalibratedCut, Calibration } from '@cutpoint/plan';
import { fields, table } from '../output/table.js';
import { byteColumn, formatBytes, formatMs } from '../output/units.js';
import { percent, points, within } from './evaluation-text.js';

/** A calibration as a person reads it: what codecs cost at each cut, its front and what is recommended. */
export function calibrationText(calibration: Calibration): string {
  const { model, dataSet, cuts, maxLoss } = calibration;
  const head = fields([
    ['model', model.name],
    [
      'data set',
      `${dataSet.name}: measured on ${dataSet.measuredOn} of ${dataSet.rows}, ${brokenText(dataSet.broken)}`,
    ],
  ]);
  const legend = `> recommended: the fewest bytes that change at most ${percent(maxLoss)} of the answers   * on the front\n`;
  return [head, ...cuts.map(cutText), legend].join('\n');
}

function brokenText(broken: number): string {
  return broken === 0 ? 'none broken' : `${broken} broken`;
}

function cutText({ index, name, bytes, codecs, recommended, refused }: CalibratedCut): string {
  const columns = [
    { name: '' },
    { name: 'codec' },
    ...['bytes', 'encode', 'decode', 'top-1', 'drop', 'agreement', 'divergence'].map((column) => ({
      name: column,
      align: 'right' as const,
    })),
  ];
  const sizes = byteColumn(codecs.map(({ bytesPerSample }) => Math.round(bytesPerSample)));
  const rows = codecs.map((row, i) => [
    row.codec === recommended ? '>' : row.onFront ? '*' : '',
    row.codec,
    sizes[i] ?? '',
    formatMs(row.encodeMs),
    formatMs(row.decodeMs),
    row.top1Split === null ? '' : percent(row.top1Split),
    row.top1Drop === null ? '' : `${points(row.top1Drop)}${within(row.top1DropStderr)}`,
    `${percent(row.agreement)}${within(row.agreementStderr)}`,
    row.klDivergence.toPrecision(2),
  ]);
  const reasons = new Map<string, string[]>();
  for (const { codec, why } of refused) reasons.set(why, [...(reasons.get(why) ?? []), codec]);
  const notes = [...reasons].map(([why, specs]) => `left out here, as ${why}\n  ${specs.join('\n  ')}\n`);
  return `cut ${index}, ${formatBytes(bytes)} after ${name}\n${table(columns, rows)}${notes.join('')}`;
}
