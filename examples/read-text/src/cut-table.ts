import { describeType } from '@cutpoint/core';
import type { Cut } from '@cutpoint/graph';
import { alignColumns } from './format.js';
import type { Screen } from './screen.js';

/** Width of the longest bar in characters. */
const barWidth = 12;

/** The table of cuts: where, how many bytes cross, the weights on the agent, and what crosses. */
export function cutTable(
  { rows, used, weightBytes }: { rows: readonly Cut[]; used: Cut; weightBytes: number },
  { colours, columns }: Screen,
): string {
  const most = Math.max(...rows.map((cut) => cut.bytes));
  const cells = rows.map((cut) => {
    const share = Math.round((100 * cut.frontWeightBytes) / weightBytes);
    return [
      cut === used ? '>' : '',
      String(cut.index),
      cut.name,
      `${(cut.bytes / 1e3).toFixed(1)} KB`,
      '▇'.repeat(Math.ceil((cut.bytes / most) * barWidth)),
      `${(cut.frontWeightBytes / 1e6).toFixed(2)} MB ${`${share} %`.padStart(6)}`,
      whatCrosses(cut),
    ];
  });
  const headings = ['', 'cut', 'after', 'bytes', '', 'weights on agent', 'what crosses'];
  const [heading = '', ...lines] = alignColumns('lrlrlrl', [headings, ...cells]).map((line) => line.slice(0, columns));
  const painted = lines.map((line, row) => (rows[row] === used ? colours.bold(colours.green(line)) : line));
  return `${[colours.dim(heading), ...painted].join('\n')}\n\n`;
}

/** The types of the crossing tensors, equal ones counted: `2 x f32[1, 64, 24, 202]`. */
function whatCrosses({ tensors }: Cut): string {
  const counts = new Map<string, number>();
  for (const { dtype, shape } of tensors) {
    const type = describeType(dtype, shape);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return [...counts].map(([type, count]) => (count === 1 ? type : `${count} x ${type}`)).join(' + ');
}
