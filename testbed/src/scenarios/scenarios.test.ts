import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listScenarios } from './list-scenarios.js';
import { loadScenario } from './load-scenario.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-scenario-'));
});
afterAll(() => rm(folder, { recursive: true }));

const wrong = (code: string, ...parts: readonly string[]) =>
  expect.toSatisfy(
    (error: { code: string; message: string }) =>
      error.code === code && parts.every((part) => error.message.includes(part)),
    `${code} with ${parts.join(' and ')}`,
  );

async function scenario(text: string, name = 's.yaml'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const two = `
name: two
title: Two devices
devices: [{ id: a }, { id: b, role: server }]
`;

describe('the shipped scenarios', () => {
  it('are these, under the names of their files, and each loads', async () => {
    const names = ['home-wifi', 'lte', 'paretopipe-slow', 'sixteen-agents', 'wired-lan'];
    expect((await listScenarios()).map(({ name }) => name)).toEqual(names);
  });

  it('state delays one way, and emulate a Pi by a slow-down and the GPU box by none', async () => {
    const { scenario } = await loadScenario('paretopipe-slow');
    expect(scenario.links.map(({ rateMbit, delayMs }) => [rateMbit, delayMs])).toEqual([
      [5, 200],
      [5, 200],
    ]);
    expect(scenario.devices.map(({ slowDown }) => slowDown)).toEqual([6, 6, 1]);
  });

  it('replay a trace on LTE whose means are the figures for planning', async () => {
    const { scenario, traces } = await loadScenario('lte');
    const points = traces[0]?.points ?? [];
    expect(points.length).toBeGreaterThan(100);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(scenario.links[0]?.rateMbit).toBeCloseTo(mean(points.map(({ rateMbit }) => rateMbit)), 0);
    expect(scenario.links[0]?.delayMs).toBeCloseTo(mean(points.map(({ delayMs = 0 }) => delayMs)), 0);
  });
});

describe('a scenario file', () => {
  it('is loaded with the trace beside it; paths of models are resolved, names kept', async () => {
    await writeFile(join(folder, 'net.csv'), 'seconds,rateMbit\n0,1\n1,2\n');
    const path = await scenario(
      `${two}links: [{ from: a, to: b, rateMbit: 1, delayMs: 1, trace: net.csv }]\nmodels: [m.onnx, some-name]\n`,
    );
    const loaded = await loadScenario(path);
    expect(loaded.traces).toEqual([
      {
        points: [
          { seconds: 0, rateMbit: 1 },
          { seconds: 1, rateMbit: 2 },
        ],
        periodS: 2,
      },
    ]);
    expect(loaded.models).toEqual([join(folder, 'm.onnx'), 'some-name']);
    expect(loaded.linkProfiles).toEqual([undefined]);
    expect(loaded.deviceProfiles).toEqual([undefined, undefined]);
  });

  it.each([
    ['name: x\n', 'CUT_SCENARIO', ['title']],
    [`${two}colour: red\n`, 'CUT_SCENARIO', ['colour']],
    [
      `${two}links: [{ from: a, to: b, rateMbit: -1, delayMs: 1 }]\n`,
      'CUT_SCENARIO',
      ['links[0].rateMbit is -1, but must be at least 0.001'],
    ],
    [`${two}links: [{ from: a, to: c, rateMbit: 1, delayMs: 1 }]\n`, 'CUT_SCENARIO', ['"c"', 'a, b']],
    [two, 'CUT_SCENARIO', ['no link from "a" to "b"']],
    ['name: x\ntitle: t\ndevices: [{ id: a }, { id: a }]\n', 'CUT_SCENARIO', ['two devices', '"a"']],
    ['a: &x 1\nb: *x\n', 'CUT_SCENARIO', ['YAML']],
    ['a: [\n', 'CUT_SCENARIO', ['YAML']],
    ['#'.repeat(1_000_001), 'CUT_SCENARIO', ['1000000 is the limit']],
    [
      `${two}links: [{ from: a, to: b, rateMbit: 1, delayMs: 1, trace: none.csv }]\n`,
      'CUT_FILE_NOT_FOUND',
      ['none.csv'],
    ],
    [
      `${two}links: [{ from: a, to: b, rateMbit: 1, delayMs: 1, profile: bad.json }]\n`,
      'CUT_PROFILE',
      ['bad.json', 'format'],
    ],
    [
      `${two}links: [{ from: a, to: b, rateMbit: 1, delayMs: 1, trace: gap.csv }]\n`,
      'CUT_TRACE',
      ['gap.csv', 'line 3'],
    ],
  ])('that is wrong gives one sentence: %#', async (text, code, parts) => {
    await writeFile(join(folder, 'bad.json'), '{}');
    await writeFile(join(folder, 'gap.csv'), 'seconds,rateMbit\n0,1\n1,\n');
    await expect(loadScenario(await scenario(text, 'wrong.yaml'))).rejects.toThrow(wrong(code, ...parts));
  });

  it('that is not shipped gives the nearest names', async () => {
    await expect(loadScenario('wired-lam')).rejects.toThrow(wrong('CUT_SCENARIO', 'nearest names are wired-lan'));
    await expect(loadScenario('wifi')).rejects.toThrow(wrong('CUT_SCENARIO', 'nearest names are home-wifi'));
    await expect(loadScenario('./absent.yaml')).rejects.toThrow(wrong('CUT_FILE_NOT_FOUND', 'absent.yaml'));
  });
});
