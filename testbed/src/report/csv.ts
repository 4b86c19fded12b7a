import { errorPct, type ResultRow } from './results.js';

type Cell = string | number | boolean | null | undefined;

const columns: Readonly<Record<string, (row: ResultRow) => Cell>> = {
  model: ({ model }) => model,
  plan: ({ plan }) => plan.label,
  devices: ({ plan }) => plan.devices.join(' '),
  cuts: ({ plan }) => plan.cuts.join(' '),
  codecs: ({ plan }) => plan.codecs.join(' '),
  baseline: ({ baseline }) => baseline,
  heldOut: ({ heldOut }) => heldOut,
  predictedLatencyMs: ({ predicted }) => predicted.latencyMs,
  measuredLatencyMs: ({ measured }) => measured.latencyMs,
  latencyErrorPct: ({ predicted, measured }) => errorPct(predicted.latencyMs, measured.latencyMs),
  measuredP99Ms: ({ measured }) => measured.p99Ms,
  predictedThroughputHz: ({ predicted }) => predicted.throughputHz,
  measuredThroughputHz: ({ measured }) => measured.throughputHz,
  throughputErrorPct: ({ predicted, measured }) => errorPct(predicted.throughputHz, measured.throughputHz),
  predictedComputeMs: ({ parts }) => parts?.predicted.computeMs,
  measuredComputeMs: ({ parts }) => parts?.measured.computeMs,
  predictedLinkMs: ({ parts }) => parts?.predicted.linkMs,
  measuredLinkMs: ({ parts }) => parts?.measured.linkMs,
  referenceMs: ({ referenceMs }) => referenceMs,
};

/** The rows as CSV (RFC 4180) with a header line; what is not known is empty. */
export function csvOf(rows: readonly ResultRow[]): string {
  const lines = rows.map((row) => Object.values(columns).map((column) => cellText(column(row))));
  return [Object.keys(columns), ...lines].map((cells) => `${cells.join(',')}\r\n`).join('');
}

function cellText(cell: Cell): string {
  if (typeof cell !== 'string') return cell === null || cell === undefined ? '' : String(cell);
  // A spreadsheet would take such a text for a formula.
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
