import type { FaultReport } from './tally.testing.js';

const heads = [
  'fault',
  'sent',
  'answered',
  'impossible',
  'lost',
  'wrong',
  'twice',
  'longest gap',
  'back',
  'back after its end',
];

/** The reports as a table in Markdown. */
export function faultTable(reports: readonly FaultReport[]): string {
  const rows = reports.map((one) => [
    one.fault,
    one.sent,
    one.answered,
    one.impossible,
    Object.values(one.lost).reduce((sum, count) => sum + count, 0),
    one.wrong,
    one.duplicated,
    `agents ${inS(one.longestGapMs.agents)}, HTTP ${inS(one.longestGapMs.callers)}`,
    inS(one.backMs),
    one.backAfterEndMs === undefined ? '' : inS(one.backAfterEndMs),
  ]);
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function inS(ms: number): string {
  return Number.isFinite(ms) ? `${(ms / 1_000).toFixed(2)} s` : 'never';
}
