import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { kneeOf, measuredFront } from './measured-front.js';
import type { ResultRow } from './results.js';

/** Tones that stand out on white and on black. */
export const colours = { measured: '#3b82f6', predicted: '#f59e0b', knee: '#ef4444' };

/** Narrow enough for a phone, so that letters stay readable there. */
const width = 520;
const fontSize = 13;

interface Point {
  readonly x: number;
  readonly y: number;
  readonly title: string;
  readonly baseline: boolean;
}

/** The front of one model as SVG: latency against throughput, predicted and measured joined, baselines as squares. */
export function frontChart(rows: readonly ResultRow[]): string {
  const front = measuredFront(rows);
  const knee = kneeOf(front);
  const measured = rows.map((row) => pointOf(row, 'measured'));
  const predicted = rows.map((row) => pointOf(row, 'predicted'));
  const all = [...measured, ...predicted];
  const marks = (labels: Plot.Markish[]): Plot.Markish[] => [
    Plot.link(rows, {
      x1: ({ predicted }: ResultRow) => predicted.latencyMs,
      y1: ({ predicted }: ResultRow) => predicted.throughputHz,
      x2: ({ measured }: ResultRow) => measured.latencyMs,
      y2: ({ measured }: ResultRow) => measured.throughputHz,
      stroke: 'currentColor',
      strokeOpacity: 0.35,
    }),
    Plot.line(front, {
      x: ({ measured }: ResultRow) => measured.latencyMs,
      y: ({ measured }: ResultRow) => measured.throughputHz,
      curve: 'step-after',
      stroke: colours.measured,
      strokeWidth: 1.5,
    }),
    dots(predicted, { stroke: colours.predicted, fill: 'none', strokeWidth: 1.6 }),
    dots(measured, { fill: colours.measured }),
    Plot.dot(knee === undefined ? [] : [pointOf(knee, 'measured')], {
      x: 'x',
      y: 'y',
      r: 9,
      stroke: colours.knee,
      strokeWidth: 2,
    }),
    ...labels,
  ];
  const options = {
    height: 380,
    x: { ...axis(all.map(({ x }) => x)), label: 'latency of one request, ms →' },
    y: { ...axis(all.map(({ y }) => y)), label: '↑ throughput, requests/s' },
  };
  const bare = plot(options, marks([]));
  return svgOf(plot(options, marks(labelMarks(rows, knee, bare))));
}

/** Predicted against measured, with the line on which they are equal. */
export function agreementChart(rows: readonly ResultRow[], of: 'latencyMs' | 'throughputHz'): string {
  const points = rows.map((row) => ({ ...pointOf(row, 'measured'), x: row.predicted[of], y: row.measured[of] }));
  const values = points.flatMap(({ x, y }) => [x, y]).filter((value) => value > 0);
  const ends = [Math.min(...values), Math.max(...values)];
  const unit = of === 'latencyMs' ? 'latency, ms' : 'throughput, requests/s';
  const scale = axis(values);
  const diagonal = Plot.line(values.length === 0 ? [] : ends.map((value) => [value, value]), {
    stroke: 'currentColor',
    strokeOpacity: 0.5,
    strokeDasharray: '4 4',
  });
  return svgOf(
    plot(
      {
        height: width * 0.8,
        x: { ...scale, label: `predicted ${unit} →` },
        y: { ...scale, label: `↑ measured ${unit}` },
      },
      [diagonal, dots(points, { fill: colours.measured })],
    ),
  );
}

function pointOf(row: ResultRow, which: 'measured' | 'predicted'): Point {
  const { latencyMs, throughputHz } = row[which];
  const title = `${row.plan.label} (${row.plan.devices.join(' → ')})\n${which}: ${latencyMs.toPrecision(4)} ms, ${throughputHz.toPrecision(4)}/s`;
  return { x: latencyMs, y: throughputHz, title, baseline: row.baseline };
}

function dots(points: readonly Point[], style: Plot.DotOptions): Plot.Markish {
  const symbol = (point: Point) => (point.baseline ? 'square' : 'circle');
  return Plot.dot(points, { x: 'x', y: 'y', r: 4.5, symbol, title: 'title', ...style });
}

interface Place {
  readonly x: number;
  readonly y: number;
}

/** How far above or below its point a name may stand, in the order of preference. */
const offsets = [-16, 18, -32, 34, -48, 50, -64, 66];
const letterWidth = 0.55 * fontSize;

/** Names only for single devices and the knee; all others have tooltips. Each stands where the least is in its way. */
function labelMarks(rows: readonly ResultRow[], knee: ResultRow | undefined, bare: Chart): Plot.Markish[] {
  const pixels = (name: 'x' | 'y', value: number): number => bare.scale(name)?.apply(value) ?? 0;
  const placeOf = (point: Point): Place => ({ x: pixels('x', point.x), y: pixels('y', point.y) });
  const taken = rows.flatMap((row) => [placeOf(pointOf(row, 'measured')), placeOf(pointOf(row, 'predicted'))]);
  const named = rows.filter((row) => row.baseline || row === knee);
  return named.map((row) => {
    const point = pointOf(row, 'measured');
    const at = placeOf(point);
    const label = shortened(row.plan.label) + (row === knee ? ' (knee)' : '');
    const anchor = at.x > width * 0.65 ? 'end' : at.x < width * 0.35 ? 'start' : 'middle';
    const length = label.length * letterWidth;
    const left = at.x - { start: 0, middle: length / 2, end: length }[anchor];
    const inTheWay = (dy: number): number =>
      taken.filter(({ x, y }) => Math.abs(y - at.y - dy) < fontSize && x > left - 6 && x < left + length + 6).length;
    const inside = offsets.filter((dy) => at.y + dy > 24 && at.y + dy < 330);
    const dy = inside.reduce((best, other) => (inTheWay(other) < inTheWay(best) ? other : best), inside[0] ?? -16);
    for (let x = left; x < left + length; x += letterWidth) taken.push({ x, y: at.y + dy });
    const style = { x: 'x', y: 'y', text: 'label', dy, textAnchor: anchor, fill: 'currentColor' } as const;
    return Plot.text([{ x: point.x, y: point.y, label }], style);
  });
}

function shortened(label: string): string {
  return label.length > 32 ? `${label.slice(0, 31)}…` : label;
}

/** Logarithmic where figures span more than a factor of ten, with room at both ends. */
function axis(values: readonly number[]): Plot.ScaleOptions {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return { domain: [0, 1], grid: true };
  const least = Math.min(...positive);
  const most = Math.max(...positive);
  if (most / least > 10)
    return { type: 'log', domain: [least / 1.3, most * 1.3], grid: true, ticks: 6, tickFormat: 'r' };
  return {
    domain: [Math.max(0, least - 0.15 * (most - least || least)), most + 0.15 * (most - least || most)],
    grid: true,
  };
}

type Chart = ReturnType<typeof Plot.plot>;

function plot(options: Plot.PlotOptions, marks: Plot.Markish[]): Chart {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const chart = Plot.plot({
    document,
    width,
    marginLeft: 58,
    marginBottom: 46,
    marginTop: 34,
    marginRight: 24,
    ...options,
    marks: [Plot.frame({ strokeOpacity: 0.3 }), ...marks],
  });
  // linkedom's SVG elements have no `style`, which is how the library would set it.
  chart.setAttribute('font-size', String(fontSize));
  return chart;
}

function svgOf(chart: Chart): string {
  return String(chart.outerHTML);
}
