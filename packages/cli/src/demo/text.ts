import { basename } from 'node:path';
import { table } from '../output/table.js';
import { formatMs } from '../output/units.js';
import type { DemoResult } from './show.js';
import type { Tally } from './tally.js';

const names = ['before', 'while it was away', 'after it was back'];

/** What the demo came to, for people. */
export function demoText(result: DemoResult): string {
  const { sent, answered, lost, wrong, longestGapMs, killed, answeredAgainMs } = result;
  const rows = result.phases.map((phase, i) => [
    names[i] ?? '',
    String(phase.sent),
    String(phase.lost),
    phase.medianMs === undefined ? '-' : formatMs(phase.medianMs),
    waysText(phase.ways),
  ]);
  const columns = [
    { name: '' },
    { name: 'requests', align: 'right' as const },
    { name: 'lost', align: 'right' as const },
    { name: 'median', align: 'right' as const },
    { name: 'answered by' },
  ];
  return `
${basename(result.model)}, cut at ${result.cut}; ${killed} was killed under load

${table(columns, rows)}
${sent} requests sent, ${answered} answered, ${lost} lost, ${wrong} wrong
longest time without an answer: ${formatMs(longestGapMs)}; next answer ${formatMs(answeredAgainMs)} after the kill
`;
}

/** `pi-1 > pi-2: 80, pi-1 > pi-3: 3`. */
export function waysText(ways: Tally['ways']): string {
  return ways.map(({ way, answered }) => `${way}: ${answered}`).join(', ') || 'nobody';
}
