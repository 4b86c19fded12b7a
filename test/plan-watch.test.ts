import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelProfile } from '@cutpoint/plan';
import { openCutModel } from '@cutpoint/runtime';
import { openProxyLink } from '@cutpoint/testbed';
import { connect } from '@cutpoint/wire';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { classifier, classifierInput } from './models.testing.js';
import { cutpoint } from './processes.testing.js';

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-watch-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A profile as it might have been measured: every node costs the same. */
async function madeUpProfile(): Promise<ModelProfile> {
  const { file, list } = await openCutModel(classifier);
  const last = list.cuts.length - 1;
  const frontMs = list.cuts.map(({ index }) => (40 * index) / last);
  return {
    format: 'cutpoint-model-profile',
    version: 1,
    model: { name: file.name, hash: file.hash, dims: {} },
    device: {
      name: 'made up',
      os: 'none',
      arch: 'none',
      cpu: 'none',
      cores: 1,
      memoryBytes: 1e9,
      instructionSets: [],
      providers: ['cpu'],
      power: { source: 'stated', idleW: 1, busyW: 2, networkW: 1 },
    },
    runtime: { name: 'none', version: '0', provider: 'cpu', threads: 1 },
    measuredAt: new Date().toISOString(),
    cuts: list.cuts.map(({ index, name, bytes, frontWeightBytes }) => {
      return { index, name, bytes, f32Bytes: bytes, answerBytes: index === last ? 0 : 8, frontWeightBytes };
    }),
    measured: [
      { from: 0, to: last, medianMs: 40, p10Ms: 39, p90Ms: 41, runs: 9, loadMs: 1, residentBytes: 1, peakBytes: 1 },
    ],
    frontMs,
    backMs: frontMs.map((ms) => 40 - ms),
    wholeMs: 40,
    fit: { kind: 'subset', measuredCuts: [0, last], errorPct: null, referenceDriftPct: 0, referenceMs: 40 },
    memory: { baseBytes: 1, perWeightByte: 1, perActivationByte: 1, errorPct: null },
  };
}

const scenario = `
name: watched
title: A slow device and a fast one
devices:
  - { id: pi, slowDown: 4, profile: profile.json }
  - { id: box, role: server, profile: profile.json }
links:
  - { from: pi, to: box, rateMbit: 1000, delayMs: 0.1 }
codecs: [raw]
`;

const direction = (rateMbit: number, delayMs: number) => ({ rateMbit, delayMs, jitterMs: 0, lossPct: 0 });
const link = (rateMbit: number, delayMs: number) => ({
  up: direction(rateMbit, delayMs),
  down: direction(rateMbit, delayMs),
});

interface Event {
  readonly event: string;
  readonly url?: string;
  readonly plan?: string;
  readonly from?: string;
  readonly to?: string;
}

it('cutpoint plan --watch changes the plan when the link gets worse, and answers every request meanwhile', async () => {
  await writeFile(join(folder, 'profile.json'), JSON.stringify(await madeUpProfile()));
  await writeFile(join(folder, 'scenario.yaml'), scenario);
  await using server = cutpoint(['serve', classifier, '--listen', 'tcp://127.0.0.1:0', '--json']);
  await using emulated = await openProxyLink({ target: await server.url(), parameters: link(1_000, 0) });
  await using watch = cutpoint([
    ...['plan', classifier, '--scenario', join(folder, 'scenario.yaml'), '--pick', 'min-latency', '--json'],
    ...['--watch', '--server', emulated.url, '--listen', 'tcp://127.0.0.1:0'],
  ]);
  const events = (): Event[] =>
    watch.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  const until = async (done: () => boolean): Promise<void> => {
    for (let tries = 0; !done() && tries < 600; tries++) await new Promise((go) => setTimeout(go, 50));
  };
  await until(() => events().length > 0);
  const [ready] = events();
  expect(ready).toMatchObject({ event: 'ready', plan: expect.stringContaining('box') });
  await using peer = await connect({ url: ready?.url ?? '', connectTimeoutMs: 5_000 });
  let stopped = false;
  let answers = 0;
  const traffic = (async () => {
    while (!stopped) {
      await peer.request({ method: 'infer', tensors: classifierInput() }, { deadlineMs: 30_000 });
      answers += 1;
    }
  })();
  await until(() => answers > 5);
  // 110 kB for the input take 0.9 s now; all of the model takes 0.16 s on the slow device.
  await emulated.set(link(1, 50));
  await until(() => events().some(({ event }) => event === 'switch'));
  const before = answers;
  await until(() => answers > before + 5);
  stopped = true;
  await traffic;
  expect(events().map(({ event }) => event)).toEqual(['ready', 'switch']);
  expect(events()[1]).toMatchObject({ from: ready?.plan });
  expect(events()[1]?.to).not.toBe(ready?.plan);
});
