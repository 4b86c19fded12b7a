import { join } from 'node:path';
import { byModel, errorPct, type ResultRow, type Results, rankingText, verdicts } from '@cutpoint/testbed';
import { type Column, table } from '../output/table.js';
import { msColumn } from '../output/units.js';

/** What a run of the testbed gave, as a person reads it: every plan with its errors, then what follows from it. */
export function resultsText(results: Results, folder: string): string {
  const tables = [...byModel(results.rows)].map(([model, rows]) => {
    const said = [...verdicts(rows), ...results.rankings.filter((ranking) => ranking.model === model).map(rankingText)];
    return `${model}\n${resultTable(rows)}${said.map((sentence) => `${sentence}\n`).join('')}\n`;
  });
  return [
    ...tables,
    '* a single device   h held out: its cuts were not measured for the profile\n\n',
    errorTable(results),
    '\n',
    ...results.notes.map((note) => `note: ${note}\n`),
    `links: ${results.emulation}; ${results.dilation === 1 ? '' : `time: ${results.dilation} times slower; `}report: ${join(folder, 'report.html')}\n`,
  ].join('');
}

function errorTable({ medianAbsErrorPct, p90AbsErrorPct }: Results): string {
  const pct = (value: number | null): string => (value === null ? 'unknown' : `${value.toFixed(1)} %`);
  const rows = (['latency', 'compute', 'link', 'throughput'] as const).map((key) => [
    key === 'compute' || key === 'link' ? `  of it ${key}` : key,
    pct(medianAbsErrorPct[key]),
    pct(p90AbsErrorPct[key]),
  ]);
  return table(
    [
      { name: 'error of prediction, held-out plans' },
      { name: 'median', align: 'right' },
      { name: '90th percentile', align: 'right' },
    ],
    rows,
  );
}

const columns: readonly Column[] = [
  { name: '' },
  { name: 'plan' },
  { name: 'latency', align: 'right' },
  { name: 'predicted', align: 'right' },
  { name: 'error', align: 'right' },
  { name: 'p99', align: 'right' },
  { name: 'throughput', align: 'right' },
  { name: 'predicted', align: 'right' },
  { name: 'error', align: 'right' },
];

function resultTable(rows: readonly ResultRow[]): string {
  const latency = msColumn(rows.map(({ measured }) => measured.latencyMs));
  const predicted = msColumn(rows.map(({ predicted: { latencyMs } }) => latencyMs));
  const p99 = msColumn(rows.map(({ measured }) => measured.p99Ms));
  return table(
    columns,
    rows.map((row, i) => [
      `${row.baseline ? '*' : ''}${row.heldOut ? 'h' : ''}`,
      row.plan.label,
      latency[i] ?? '',
      predicted[i] ?? '',
      signedPct(row.predicted.latencyMs, row.measured.latencyMs),
      p99[i] ?? '',
      `${row.measured.throughputHz.toFixed(2)}/s`,
      `${row.predicted.throughputHz.toFixed(2)}/s`,
      signedPct(row.predicted.throughputHz, row.measured.throughputHz),
    ]),
  );
}

function signedPct(predicted: number, measured: number): string {
  const error = errorPct(predicted, measured);
  return error === undefined ? '' : `${error < 0 ? '' : '+'}${error.toFixed(1)} %`;
}
