import type { Cut } from '@cutpoint/graph';
import { alignColumns, formatBytes } from './format.js';
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
      formatBytes(cut.bytes),
      '▇'.repeat(Math.ceil((cut.bytes / most) * barWidth)),
      `${formatBytes(cut.frontWeightBytes)} ${`${share} %`.padStart(6)}`,
      whatCrosses(cut),
    ];
  });
  const headings = ['', 'cut', 'after', 'bytes', '', 'weights on agent', 'what crosses'];
  const [heading = '', ...lines] = alignColumns('lrlrlrl', [headings, ...cells]).map((line) => line.slice(0, columns));
  const painted = lines.map((line, row) => (rows[row] === used ? colours.bold(colours.green(line)) : line));
  return `${[colours.dim(heading), ...painted].join('\n')}\n\n`;
}

function whatCrosses({ tensors }: Cut): string {
  return tensors.map(({ dtype, shape }) => `${dtype}[${shape.join(',')}]`).join(' + ');
}
