import { byModel } from './by-model.js';
import { agreementChart, colours, frontChart } from './charts.js';
import { escaped } from './escape.js';
import type { ResultRow, Results } from './results.js';

const panelWidth = 520;
const heights = { title: 40, front: 380, agreement: 416 };

/** The charts of each model: the front, then predicted against measured for latency and for throughput. */
export function chartsOf(rows: readonly ResultRow[]): { front: string; latency: string; throughput: string } {
  return {
    front: frontChart(rows),
    latency: agreementChart(rows, 'latencyMs'),
    throughput: agreementChart(rows, 'throughputHz'),
  };
}

function legend(y: number): string {
  const marks = [
    [colours.measured, '●', 'measured'],
    [colours.predicted, '○', 'predicted'],
    ['currentColor', '■', 'one device alone'],
    [colours.knee, '◯', 'knee'],
  ];
  const spans = marks.map(([colour, sign, word]) => `<tspan fill="${colour}">${sign}</tspan> ${word}`).join('   ');
  return `<text x="${3 * panelWidth - 12}" y="${y}" font-size="13" text-anchor="end" xml:space="preserve">${spans}</text>`;
}

/** All charts as one SVG file: a row of panels for each model. */
export function svgOf({ scenario, rows }: Results): string {
  const rowHeight = heights.title + heights.agreement;
  const panels = [...byModel(rows)].map(([model, own], i) => {
    const { front, latency, throughput } = chartsOf(own);
    const title = `<text x="12" y="${i * rowHeight + 26}" font-size="17">${escaped(`${scenario.title}: ${model}`)}</text>`;
    const placed = [front, latency, throughput].map((chart, column) =>
      chart.replace('<svg ', `<svg x="${column * panelWidth}" y="${i * rowHeight + heights.title}" `),
    );
    return title + legend(i * rowHeight + 26) + placed.join('');
  });
  const height = Math.max(1, panels.length) * rowHeight;
  const empty = panels.length === 0 ? '<text x="12" y="26" font-size="17">Nothing was measured.</text>' : '';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${3 * panelWidth} ${height}" width="${3 * panelWidth}" height="${height}" font-family="system-ui, sans-serif">
<style>svg { color: #111; fill: #111 } .paper { fill: #fff } @media (prefers-color-scheme: dark) { svg { color: #eee; fill: #eee } .paper { fill: #161616 } }</style>
<rect class="paper" width="100%" height="100%"/>${empty}${panels.join('\n')}
</svg>
`;
}
