import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openProxyLink } from '@cutpoint/testbed';
import { connect } from '@cutpoint/wire';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { madeUpProfile } from './made-up-profile.testing.js';
import { classifier, classifierInput } from './models.testing.js';
import { cutpoint } from './processes.testing.js';

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-watch-'));
});
afterAll(() => rm(folder, { recursive: true }));

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
  await writeFile(join(folder, 'profile.json'), JSON.stringify(await madeUpProfile(classifier, 40)));
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
    for (let tries = 0; !done() && tries < 1200; tries++) await new Promise((go) => setTimeout(go, 50));
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
