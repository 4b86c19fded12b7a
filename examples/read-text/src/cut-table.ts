import { describeType } from '@cutpoint/core';
import type { Cut } from '@cutpoint/graph';
import { alignColumns, formatBytes } from './format.js';
import type { InterestingCut } from './interesting-cuts.js';
import type { Screen } from './screen.js';

/** Width of the longest bar in characters. */
const barWidth = 12;

/** The table of cuts: where, what crosses, how many bytes that are, and the weights on the agent. */
export function cutTable(
  { rows, used, weightBytes }: { rows: readonly InterestingCut[]; used: Cut; weightBytes: number },
  { colours, columns }: Screen,
): string {
  const most = Math.max(...rows.map(({ cut }) => cut.bytes));
  const cells = rows.map(({ cut, remark }) => [
    cut === used ? '>' : '',
    String(cut.index),
    cut.name,
    whatCrosses(cut),
    formatBytes(cut.bytes),
    '▇'.repeat(Math.ceil((cut.bytes / most) * barWidth)),
    formatBytes(cut.frontWeightBytes),
    `${Math.round((100 * cut.frontWeightBytes) / weightBytes)} %`,
    remark,
  ]);
  const headings = ['', 'cut', 'after', 'crosses', 'bytes', '', 'weights on', 'agent', ''];
  const [heading = '', ...lines] = alignColumns('lrllrlrrl', [headings, ...cells]).map((line) =>
    line.slice(0, columns),
  );
  const painted = lines.map((line, row) => (rows[row]?.cut === used ? colours.bold(colours.green(line)) : line));
  return `${[colours.dim(heading), ...painted].join('\n')}\n\n`;
}

function whatCrosses({ tensors }: Cut): string {
  if (tensors.length === 0) return 'nothing';
  return tensors.map(({ dtype, shape }) => describeType(dtype, shape)).join(' + ');
}
