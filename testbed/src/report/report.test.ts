import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DOMParser, parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { csvOf } from './csv.js';
import { htmlOf } from './html.js';
import { kneeOf, measuredFront, verdicts } from './measured-front.js';
import { errorsOf, rankingsOf, resultsSchema } from './results.js';
import { sampleFront, sampleResults, sampleRow } from './sample-results.testing.js';
import { svgOf } from './svg.js';
import { writeReport } from './write-report.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-report-'));
});
afterAll(() => rm(folder, { recursive: true }));

const page = (html: string) => parseHTML(html).document;
const alone = (label: string, latencyMs: number, throughputHz: number) =>
  sampleRow({ label, latencyMs, throughputHz, baseline: true });
const cut = (label: string, latencyMs: number, throughputHz: number) => sampleRow({ label, latencyMs, throughputHz });

describe('a report', () => {
  it('is four files, of which the JSON reads back as the results', async () => {
    const results = sampleResults(sampleFront(), { notes: ['Links are emulated by a proxy.'] });
    await writeReport(join(folder, 'new', 'out'), results);
    const read = async (name: string) => await readFile(join(folder, 'new', 'out', name), 'utf8');
    expect(resultsSchema.parse(JSON.parse(await read('results.json')))).toEqual(results);
    expect((await read('results.csv')).split('\r\n')).toHaveLength(results.rows.length + 2);
    expect(await read('report.html')).toBe(htmlOf(results));
    expect(await read('report.svg')).toBe(svgOf(results));
  });

  it('says where it cannot be written, and refuses results that break their schema', async () => {
    await writeFile(join(folder, 'taken'), '');
    const error = (code: string) => expect.objectContaining({ code });
    await expect(writeReport(join(folder, 'taken'), sampleResults([]))).rejects.toThrow(error('CUT_FILE_WRITE'));
    const broken = sampleResults([], { date: 'yesterday' });
    await expect(writeReport(folder, broken)).rejects.toThrow(error('CUT_INTERNAL'));
  });

  it('has a tooltip for every measured and predicted point, and a row for every plan', () => {
    const rows = sampleFront();
    const document = page(htmlOf(sampleResults(rows)));
    expect(document.querySelectorAll('svg')).toHaveLength(3);
    expect(document.querySelectorAll('.front svg title').length).toBe(2 * rows.length);
    expect(document.querySelectorAll('tbody tr')).toHaveLength(rows.length);
    const cells = [...document.querySelectorAll('tbody tr td')].map(({ textContent }) => textContent);
    expect(cells).toContain('gpu-box alone');
    expect(cells).toContain('22.0');
    expect(cells).toContain('+6.0 %');
    expect(cells).toContain('−4.0 %');
    expect(document.querySelector('.front')?.textContent).toContain('(knee)');
  });

  it('shows each model on its own', () => {
    const rows = [...sampleFront(), ...sampleFront().map((row) => ({ ...row, model: 'pp-ocr' }))];
    const document = page(htmlOf(sampleResults(rows)));
    expect([...document.querySelectorAll('h2')].map(({ textContent }) => textContent)).toEqual([
      'mobilenet_v2_f32',
      'pp-ocr',
    ]);
    expect(document.querySelectorAll('svg')).toHaveLength(6);
  });

  it.each([
    ['no rows', []],
    ['one row', [cut('cut 3', 12.5, 80)]],
    ['one row of nothing', [sampleRow({ latencyMs: 0, throughputHz: 0 })]],
    ['rows that are the same', [cut('a', 5, 5), cut('a', 5, 5)]],
    ['rows of very different size', [alone('a', 0.02, 40_000), cut('b', 90_000, 0.001)]],
  ])('can be made of %s', (_, rows) => {
    const results = sampleResults(rows);
    const html = htmlOf(results);
    for (const text of [html, svgOf(results)]) expect(text).not.toMatch(/NaN|Infinity|undefined|\[object/);
    expect(html.includes('Nothing was measured')).toBe(rows.length === 0);
  });

  it('asks for nothing else and runs no script, whatever the names are', () => {
    const evil = `"><script>alert('1')</script><img src=http://x onerror=alert(1)> & </title></style>`;
    const rows = sampleFront().map((row) => ({
      ...row,
      model: evil,
      plan: { ...row.plan, label: evil, devices: [evil, evil] },
    }));
    const results = sampleResults(rows, {
      scenario: { name: evil, title: evil, description: evil },
      machine: evil,
      notes: [evil],
    });
    const html = htmlOf(results);
    const document = page(html);
    expect(document.querySelectorAll('script, img, link, iframe, object, [onerror], [src]')).toHaveLength(0);
    expect(document.querySelector('h1')?.textContent).toBe(evil);
    expect(document.querySelector('td')?.textContent).toBe(evil);
    expect(html.replaceAll('http://www.w3.org/', '').replaceAll('http://x', '')).not.toMatch(/https?:\/\//);
    const svg = svgOf(results);
    expect(svg).not.toMatch(/<script|<img/);
    expect(new DOMParser().parseFromString(svg, 'image/svg+xml').querySelectorAll('script, img')).toHaveLength(0);
  });

  it('opens and closes every element of the picture, as XML must', () => {
    const open: string[] = [];
    for (const [, closing, name = '', selfClosing] of svgOf(sampleResults(sampleFront())).matchAll(
      /<(\/?)([a-zA-Z]+)(?:"[^"]*"|[^">])*?(\/?)>/g,
    )) {
      if (closing === '/') expect(open.pop()).toBe(name);
      else if (selfClosing !== '/') open.push(name);
    }
    expect(open).toEqual([]);
  });
});

describe('the CSV', () => {
  it('quotes what needs it, and keeps spreadsheets from reading formulas', () => {
    const text = csvOf([cut('cut 3, "f16"\nnext', 12.5, 80), cut('=1+1', 1, 1)]);
    expect(text).toContain(',"cut 3, ""f16""\nnext",');
    expect(text).toContain(",'=1+1,");
    const [head = '', , ...rest] = text.split('\r\n');
    expect(head.split(',').slice(0, 5)).toEqual(['model', 'plan', 'devices', 'cuts', 'codecs']);
    expect(rest[0]?.split(',')).toHaveLength(head.split(',').length);
    expect(text).toContain('12.5');
  });
});

describe('the errors of prediction', () => {
  it('count only held-out rows, by median and 90th percentile', () => {
    const off = (pct: number, heldOut = true) => ({
      ...cut('c', 100, 10),
      predicted: { latencyMs: 100 + pct, throughputHz: 10 },
      heldOut,
    });
    const errors = errorsOf([off(-1), off(2), off(3), off(-4), off(5), off(500, false)]);
    expect(errors.medianAbsErrorPct).toMatchObject({ latency: 3, throughput: 0 });
    expect(errors.p90AbsErrorPct.latency).toBeCloseTo(4.6, 9);
    expect(errorsOf([off(1, false)]).medianAbsErrorPct).toMatchObject({ latency: null, throughput: null });
  });

  it('count compute and links apart', () => {
    const row = {
      ...cut('c', 100, 10),
      parts: { predicted: { computeMs: 66, linkMs: 30 }, measured: { computeMs: 60, linkMs: 40 } },
    };
    expect(errorsOf([row]).medianAbsErrorPct).toMatchObject({ compute: 10, link: 25 });
  });
});

describe('the ranking', () => {
  it('says where the prediction has the plan that was measured best', () => {
    const predicted = (latencyMs: number, throughputHz: number) => ({ predicted: { latencyMs, throughputHz } });
    const rows = [
      { ...cut('a', 10, 5), ...predicted(12, 9) },
      { ...cut('b', 20, 8), ...predicted(11, 9) },
      { ...cut('c', 30, 7), ...predicted(10, 9) },
    ];
    expect(rankingsOf(rows.map((row) => ({ ...row, heldOut: false })))).toMatchObject([
      { objective: 'latency', among: 'all', measuredBest: 'a', predictedRank: 3 },
      { objective: 'throughput', among: 'all', measuredBest: 'b', predictedRank: 1 },
    ]);
    const filling = [cut('d', 9, 0.84216), cut('e', 8, 0.842)];
    const alike = filling.map((row, i) => ({ ...row, ...predicted(9, 0.8421 + i / 1e5) }));
    expect(rankingsOf(alike)).toContainEqual(
      expect.objectContaining({ objective: 'throughput', measuredBest: 'd', predictedRank: 1 }),
    );
    const held = rows.map((row) => ({ ...row, heldOut: row.plan.label !== 'a' }));
    expect(rankingsOf(held).filter(({ among }) => among === 'held-out')).toMatchObject([
      { objective: 'latency', measuredBest: 'b', predictedRank: 2 },
      { objective: 'throughput', measuredBest: 'b', predictedRank: 1 },
    ]);
  });
});

describe('the measured front', () => {
  it('holds what nothing beats in both, and its knee', () => {
    const rows = [
      cut('slow', 100, 50),
      cut('mid', 30, 45),
      cut('fast', 20, 10),
      cut('beaten', 40, 40),
      cut('tie', 30, 44),
    ];
    const front = measuredFront(rows);
    expect(front.map(({ plan }) => plan.label)).toEqual(['fast', 'mid', 'slow']);
    expect(kneeOf(front)?.plan.label).toBe('mid');
    expect(kneeOf(front.slice(0, 1))?.plan.label).toBe('fast');
    expect(kneeOf([])).toBeUndefined();
  });
});

describe('the words about cutting', () => {
  it('say by how much a cut beats the devices alone', () => {
    const rows = [alone('pi alone', 100, 10), alone('box alone', 50, 20), cut('cut 7', 40, 30)];
    expect(verdicts(rows)).toEqual([
      'In latency, cut 7 beats either end alone, box alone the best of them, by 25 %: 40.0 ms against 50.0 ms.',
      'In throughput, cut 7 beats either end alone, box alone the best of them, by 50 %: 30.0/s against 20.0/s.',
    ]);
  });

  it('say where cutting does not pay, and where it makes no difference', () => {
    const rows = [alone('pi', 100, 10), alone('box', 50, 20), cut('cut 7', 80, 20.2)];
    expect(verdicts(rows)[0]).toBe(
      'In latency, no cut beats box alone on this network: 50.0 ms against 80.0 ms for the best cut, cut 7.',
    );
    expect(verdicts(rows)[1]).toContain('cutting does not pay on this network');
  });

  it('are in seconds where those read better', () => {
    expect(verdicts([alone('pi', 157, 10), cut('cut 7', 1870, 1)])[0]).toContain('157 ms against 1.87 s');
  });

  it('say what was not measured', () => {
    expect(verdicts([])).toEqual(['Nothing was measured.']);
    expect(verdicts([cut('c', 1, 1)])[0]).toContain('No device was measured alone');
    expect(verdicts([alone('c', 1, 1)])[0]).toContain('No cut was measured');
  });
});
