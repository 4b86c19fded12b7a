import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const checkpoint = new URL('../../../../../shared/models/lm/wren-7m', import.meta.url).pathname;
const command = new URL('../../bin/cutpoint.js', import.meta.url).pathname;
const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, [command, ...args], { encoding: 'utf8', timeout: 60_000 });

const device = (id: string, memoryBytes: number, token: number) => ({
  id,
  memoryBytes,
  speed: { kind: 'gflops', token, chunk: 4 * token },
});

describe.skipIf(!existsSync(checkpoint))('cutpoint cluster plan (needs ../shared/models)', () => {
  let folder = '';
  const planOf = async (change: object, ...args: readonly string[]) => {
    const path = join(folder, 'devices.json');
    const file = {
      format: 'cutpoint-cluster-devices',
      version: 1,
      devices: [device('pi', 1e9, 0.05), device('laptop', 1e9, 0.1)],
      link: { roundTripMs: 0.1, bytesPerS: 1e8 },
      ...change,
    };
    await writeFile(path, JSON.stringify(file));
    return run('cluster', 'plan', join(folder, 'wren'), '--devices', path, ...args);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cluster-plan-'));
    run('llm', 'import', checkpoint, '--bits', '4', '--out', join(folder, 'wren'));
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('divides layers between devices that are slow, and lists each alone', async () => {
    const { stdout } = await planOf({}, '--json', '--explain');
    const { pick, alone, isExact, explanation } = JSON.parse(stdout);
    expect(pick.kind).toBe('tensor');
    expect(pick.tokensPerSecond).toBeCloseTo(1000 / pick.msPerToken, 9);
    const heads = pick.stages[0].ranks.map((rank: { heads: number }) => rank.heads);
    expect(heads.reduce((sum: number, own: number) => sum + own, 0)).toBe(8);
    expect(alone.map((one: { device: string }) => one.device)).toEqual(['pi', 'laptop']);
    expect(isExact).toBe(true);
    expect(explanation[0]).toMatch(/^Chosen: tensor parallel on pi, laptop/);
  });

  it('prints a table for people, with the pick marked', async () => {
    const { stdout } = await planOf({});
    expect(stdout).toMatch(/^ +plan +tokens\/s +token +first token +largest memory\n> +tensor parallel on pi, laptop/);
    expect(stdout).toMatch(/- +laptop alone/);
  });

  it.each([
    [{ rank0: 'mars' }, /^error CUT_SCENARIO: .*rank0 is "mars"/],
    [{ devices: [device('pi', 1e6, 1)] }, /^error CUT_INFEASIBLE: .*pi alone: it needs \d+ MB and may take 1 MB/],
    [
      { devices: [{ ...device('pi', 1e9, 1), speed: { kind: 'calibration', file: 'none.json' } }] },
      /^error CUT_FILE_NOT_FOUND: .*none\.json/,
    ],
  ])('says in one sentence what is wrong: %#', async (change, sentence) => {
    expect((await planOf(change)).stderr).toMatch(sentence);
  });
});
