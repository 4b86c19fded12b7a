import { CutpointError } from '@cutpoint/core';
import type { Trace, TracePoint } from './link-parameters.js';

const maxPoints = 1_000_000;
/** A step longer than this many median steps is a hole in the recording. */
const longestStep = 5;

interface Line {
  readonly number: number;
  readonly point: TracePoint;
}

/**
 * Reads a CSV trace with the columns `seconds,rateMbit[,delayMs[,lossPct]]` and a header line. Times begin at 0 and
 * ascend; the last point holds for the median step.
 * @throws CutpointError CUT_TRACE naming the line that is malformed, or the gap: a value is missing, or a step is more
 * than five times the median step.
 */
export function parseTrace(text: string, name: string): Trace {
  const lines = text
    .split(/\r?\n/)
    .map((content, i) => ({ content: content.trim(), number: i + 1 }))
    .filter(({ content }) => content !== '' && !content.startsWith('#'));
  const [header, ...rows] = lines;
  const columns = columnsOf(header?.content, name);
  if (rows.length < 2) throw wrong(name, 'needs at least two lines of figures');
  if (rows.length > maxPoints) throw wrong(name, `has ${rows.length} lines; ${maxPoints} is the limit`);
  const points = rows.map(({ content, number }) => ({ number, point: pointOf(content, columns, name, number) }));
  return { points: points.map(({ point }) => point), periodS: periodOf(points, name) };
}

function columnsOf(header: string | undefined, name: string): number {
  const columns = header?.split(',').map((column) => column.trim()) ?? [];
  const known = ['seconds', 'rateMbit', 'delayMs', 'lossPct'];
  if (columns.length >= 2 && columns.every((column, i) => column === known[i])) return columns.length;
  throw wrong(
    name,
    'must begin with the line "seconds,rateMbit", "seconds,rateMbit,delayMs" or with ",lossPct" as well',
  );
}

function pointOf(content: string, columns: number, name: string, line: number): TracePoint {
  const cells = content.split(',').map((cell) => cell.trim());
  if (cells.length !== columns) throw wrong(name, `line ${line} has ${cells.length} values instead of ${columns}`);
  const at = (index: number, what: string, most: number, least = 0): number => {
    const cell = cells[index] ?? '';
    if (cell === '') throw wrong(name, `has a gap: line ${line} has no ${what}`);
    const value = Number(cell);
    if (value >= least && value <= most) return value;
    throw wrong(
      name,
      `line ${line} has ${what} "${cell.slice(0, 40)}", which must be a number from ${least} to ${most}`,
    );
  };
  return {
    seconds: at(0, 'seconds', 1e9),
    rateMbit: at(1, 'rateMbit', 1e6, 0.001),
    ...(columns > 2 && { delayMs: at(2, 'delayMs', 60_000) }),
    ...(columns > 3 && { lossPct: at(3, 'lossPct', 50) }),
  };
}

function periodOf(lines: readonly Line[], name: string): number {
  const [first] = lines;
  if (first !== undefined && first.point.seconds !== 0)
    throw wrong(name, `line ${first.number} must begin at 0 seconds`);
  const steps = lines.slice(1).map((line, i) => {
    const before = lines[i]?.point.seconds ?? 0;
    return { ...line, before, step: line.point.seconds - before };
  });
  const back = steps.find(({ step }) => step <= 0);
  if (back !== undefined) throw wrong(name, `line ${back.number} does not come after the one before it in time`);
  const median = steps.map(({ step }) => step).sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 1;
  const hole = steps.find(({ step }) => step > longestStep * median);
  if (hole !== undefined) {
    const { number, before, point } = hole;
    throw wrong(name, `has a gap before line ${number}: nothing from ${before} s to ${point.seconds} s`);
  }
  return (lines.at(-1)?.point.seconds ?? 0) + median;
}

function wrong(name: string, what: string): CutpointError {
  return new CutpointError('CUT_TRACE', `The trace ${name} ${what}.`);
}
