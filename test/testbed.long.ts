import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Results, resultsSchema } from '@cutpoint/testbed';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { madeUpProfile } from './made-up-profile.testing.js';
import { classifier } from './models.testing.js';
import { childrenOf, cutpoint } from './processes.testing.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 180_000 });

const scenario = `
name: tiny
title: A slow device and a fast one
models: [${classifier}]
devices:
  - { id: pi, slowDown: 2, profile: profile.json }
  - { id: box, role: server, profile: profile.json }
links:
  - { from: pi, to: box, rateMbit: 200, delayMs: 2 }
codecs: [raw]
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-testbed-'));
  await writeFile(join(folder, 'profile.json'), JSON.stringify(await madeUpProfile(classifier, 8)));
  await writeFile(join(folder, 'tiny.yaml'), scenario);
});
afterAll(() => rm(folder, { recursive: true }));

const args = (...more: readonly string[]) => {
  const out = ['--out', join(folder, 'out'), '--plans', '3', '--seconds', '1', '--emulation', 'proxy', '--json'];
  return ['testbed', 'run', join(folder, 'tiny.yaml'), '--dilation', '1', ...out, ...more];
};

async function run(...more: readonly string[]): Promise<Results> {
  await using testbed = cutpoint(args(...more));
  expect(await testbed.exit(150_000)).toBe(0);
  return resultsSchema.parse(JSON.parse(testbed.stdout));
}

describe('cutpoint testbed run', () => {
  let results: Results;
  beforeAll(async () => {
    results = await run();
  });

  it('measures the single devices and other plans beside what was predicted', () => {
    expect(results.emulation).toBe('user-space-proxy');
    expect(results.rows.filter(({ baseline }) => baseline).map(({ plan }) => plan.devices)).toEqual([
      ['pi'],
      ['pi', 'box'],
    ]);
    expect(results.rows.some(({ baseline }) => !baseline)).toBe(true);
    for (const { measured, predicted, parts } of results.rows) {
      expect(measured.throughputHz).toBeGreaterThan(0);
      expect(measured.p99Ms).toBeGreaterThanOrEqual(measured.latencyMs);
      expect(predicted.latencyMs).toBeGreaterThan(0);
      expect(parts?.measured.computeMs).toBeGreaterThan(0);
    }
    // A link of 2 ms one way is crossed there and back.
    for (const { plan, parts } of results.rows) {
      if (plan.devices.length > 1) expect(parts?.measured.linkMs).toBeGreaterThan(4);
    }
  });

  it('writes results.json, a table, a page and a picture', async () => {
    const read = (name: string) => readFile(join(folder, 'out', name), 'utf8');
    expect(resultsSchema.parse(JSON.parse(await read('results.json'))).rows).toHaveLength(results.rows.length);
    expect((await read('results.csv')).trim().split('\n')).toHaveLength(results.rows.length + 1);
    expect(await read('report.html')).toContain('<svg');
    expect(await read('report.svg')).toContain('<svg');
  });

  it('lets time pass slower where the machine is too small for all devices, and gives figures of the scenario’s own time', async () => {
    const slow = await run('--out', join(folder, 'slow'), '--plans', '1', '--dilation', '4');
    expect(slow.dilation).toBe(4);
    expect(slow.notes.join()).toContain('4 times slower');
    const far = slow.rows.filter(({ plan }) => plan.devices.length > 1);
    expect(far.length).toBeGreaterThan(0);
    for (const { plan, parts } of far) {
      const same = results.rows.find((row) => row.plan.label === plan.label);
      // The line takes what it took before, and not four times that.
      if (same !== undefined) expect(parts?.measured.linkMs).toBeLessThan(2 * (same.parts?.measured.linkMs ?? 0));
      expect(parts?.measured.linkMs).toBeGreaterThan(4);
    }
    expect(far.some(({ plan }) => results.rows.some((row) => row.plan.label === plan.label))).toBe(true);
  });

  it('refuses to let a device be slowed by more than it can be', async () => {
    await using testbed = cutpoint(args('--out', join(folder, 'none'), '--dilation', '501'));
    expect(await testbed.exit()).not.toBe(0);
    expect(testbed.stderr).toMatch(/CUT_USAGE.*at most 500 times slower/s);
  });

  it('goes on where it was interrupted, and leaves no process behind', async () => {
    const [name = ''] = (await readdir(join(folder, 'out'))).filter((file) => file.startsWith('rows-'));
    const rows = join(folder, 'out', name);
    const lines = (await readFile(rows, 'utf8')).split('\n');
    await writeFile(rows, lines.slice(0, 2).join('\n').concat('\n'));
    await using interrupted = cutpoint(args('--resume'));
    for (let tries = 0; tries < 400 && (await childrenOf(interrupted.pid)).length < 2; tries++) await pause(50);
    const children = await childrenOf(interrupted.pid);
    interrupted.kill('SIGINT');
    expect(await interrupted.exit()).not.toBe(0);
    for (let tries = 0; tries < 100 && children.some(isAlive); tries++) await pause(50);
    expect(children.filter(isAlive)).toEqual([]);
    const [first] = (await run('--resume')).rows;
    expect(first).toEqual(results.rows[0]);
  });
});

const pause = (ms: number) => new Promise((go) => setTimeout(go, ms));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
