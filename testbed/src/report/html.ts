import { byModel } from './by-model.js';
import { colours } from './charts.js';
import { escaped } from './escape.js';
import { rankingText, verdicts } from './measured-front.js';
import { errorPct, type ResultRow, type Results } from './results.js';
import { chartsOf } from './svg.js';

const style = `
:root { color-scheme: light dark; --line: #8884; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2rem; overflow-wrap: anywhere; }
.charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
.charts svg { display: block; height: auto; max-width: 100%; width: 100%; }
.front { max-width: 44rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .5rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.measured { color: ${colours.measured}; } .predicted { color: ${colours.predicted}; } .knee { color: ${colours.knee}; }
small { opacity: .8; }
`;

/** The report as one HTML file that asks for nothing else. */
export function htmlOf(results: Results): string {
  const { scenario, emulation, dilation, machine, date, notes, rows } = results;
  const sections = [...byModel(rows)].map(([model, own]) => section(model, own, results.rankings)).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(scenario.title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escaped(scenario.title)}</h1>
<p>${escaped(scenario.description)}</p>
<p><small>Scenario ${escaped(scenario.name)}, ${escaped(date)}, on ${escaped(machine)}. ${emulationText[emulation]} ${dilationText(dilation)}Slowed devices are this machine made slower, no measurements of other hardware.</small></p>
<p>${errorText(results)}</p>
${notes.length === 0 ? '' : `<ul>${notes.map((note) => `<li>${escaped(note)}</li>`).join('')}</ul>`}
${sections === '' ? '<p>Nothing was measured.</p>' : sections}
</body>
</html>
`;
}

function dilationText(factor: number): string {
  return factor === 1 ? '' : `Time passed ${factor} times slower; all figures are in the scenario's own time. `;
}

const emulationText: Readonly<Record<Results['emulation'], string>> = {
  'netns-netem': 'Links are emulated by the kernel (network namespaces and netem).',
  'user-space-proxy': 'Links are emulated by a user-space proxy.',
  none: 'There are no links.',
};

function errorText({ medianAbsErrorPct: median, p90AbsErrorPct: p90, rows }: Results): string {
  const held = rows.filter(({ heldOut }) => heldOut).length;
  if (held === 0) return 'No row was held out of the fit, so the error of prediction is not known.';
  const one = (what: string, key: keyof typeof median) =>
    `${what} ${percent(median[key])} (90th percentile ${percent(p90[key])})`;
  return `Median error of prediction over ${held} ${held === 1 ? 'plan' : 'plans'} that no fit has seen: ${one('latency', 'latency')}, of it compute ${percent(median.compute)} and links ${percent(median.link)}; ${one('throughput', 'throughput')}.`;
}

function section(model: string, rows: readonly ResultRow[], rankings: Results['rankings']): string {
  const said = [...verdicts(rows), ...rankings.filter((ranking) => ranking.model === model).map(rankingText)];
  const { front, latency, throughput } = chartsOf(rows);
  return `<section>
<h2>${escaped(model)}</h2>
${said.map((sentence) => `<p>${escaped(sentence)}</p>`).join('\n')}
<div class="charts front">${front}</div>
<p><small><span class="measured">●</span> measured, joined by the measured front; <span class="predicted">○</span> predicted; squares are single devices; <span class="knee">◯</span> the knee. Point at a mark for its plan.</small></p>
<div class="charts">${latency}${throughput}</div>
<div class="scroll">${table(rows)}</div>
</section>
`;
}

const heads = [
  'plan',
  'latency, ms',
  'predicted',
  'error',
  'p99, ms',
  'requests/s',
  'predicted',
  'error',
  'compute, ms',
  'predicted',
  'link, ms',
  'predicted',
  '',
];

function table(rows: readonly ResultRow[]): string {
  const sorted = [...rows].sort((a, b) => a.measured.latencyMs - b.measured.latencyMs);
  const head = heads.map((text) => `<th>${text}</th>`).join('');
  return `<table><thead><tr>${head}</tr></thead><tbody>${sorted.map(tableRow).join('')}</tbody></table>`;
}

function tableRow(row: ResultRow): string {
  const { plan, predicted, measured, parts } = row;
  const cells = [
    escaped(plan.label),
    figure(measured.latencyMs),
    figure(predicted.latencyMs),
    signed(errorPct(predicted.latencyMs, measured.latencyMs)),
    figure(measured.p99Ms),
    figure(measured.throughputHz),
    figure(predicted.throughputHz),
    signed(errorPct(predicted.throughputHz, measured.throughputHz)),
    figure(parts?.measured.computeMs),
    figure(parts?.predicted.computeMs),
    figure(parts?.measured.linkMs),
    figure(parts?.predicted.linkMs),
    [row.baseline ? 'alone' : '', row.heldOut ? 'held out' : ''].filter((mark) => mark !== '').join(', '),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function figure(value: number | undefined): string {
  if (value === undefined) return '';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function signed(pct: number | undefined): string {
  return pct === undefined ? '' : `${pct > 0 ? '+' : pct < 0 ? '−' : ''}${Math.abs(pct).toFixed(1)} %`;
}

function percent(value: number | null): string {
  return value === null ? 'unknown' : `${value.toFixed(1)} %`;
}
