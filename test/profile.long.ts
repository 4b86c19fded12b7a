import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialiseModel } from '@cutpoint/graph';
import { linkProfileSchema, modelProfileSchema } from '@cutpoint/plan';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pixelModel } from './models/conv-nets.js';
import { cutpoint } from './processes.testing.js';

let folder = '';
let model = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-profile-'));
  model = join(folder, 'pixels.onnx');
  await writeFile(model, serialiseModel(pixelModel()));
  await writeFile(join(folder, 'token'), `${'0123456789abcdef'.repeat(2)}\n`, { mode: 0o600 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = (...args: string[]) => cutpoint(args, { CUTPOINT_CACHE_DIR: join(folder, 'cache'), NO_COLOR: '1' });

async function run(...args: string[]) {
  await using process = start(...args);
  const status = await process.exit();
  return { status, stdout: process.stdout, stderr: process.stderr };
}

describe('cutpoint profile', () => {
  it('writes and prints one profile, and shows it to people from the cache', { timeout: 60_000 }, async () => {
    const out = join(folder, 'profile.json');
    const { status, stdout } = await run('profile', model, '--full', '--dim', 'N=1', '--out', out, '--json');
    expect(status).toBe(0);
    const profile = modelProfileSchema.parse(JSON.parse(stdout));
    expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(profile);
    expect(profile.fit.kind).toBe('all');
    expect(profile.cuts).toHaveLength(10);
    const shown = await run('profile', model, '--full', '--dim', 'N=1');
    expect(shown.status).toBe(0);
    expect(shown.stdout).toMatch(/^CUT +AFTER +CROSSES +FRONT/);
    expect(shown.stdout).toMatch(/other cuts +none: every cut was measured/);
    expect(shown.stdout).toMatch(/power +\d.* (measured|stated)/);
  });

  it('says in one sentence what is wrong', async () => {
    expect(await run('profile', join(folder, 'missing.onnx'))).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^error CUT_FILE_NOT_FOUND: .*\n$/),
    });
    expect((await run('profile', model, '--threads', '0')).status).toBe(2);
    const unwritable = join(folder, 'nowhere', 'out.json');
    const written = await run('profile', model, '--full', '--dim', 'N=1', '--out', unwritable);
    expect(written).toMatchObject({ status: 1, stderr: expect.stringMatching(/error CUT_FILE_WRITE: .*out\.json/) });
  });
});

describe('cutpoint probe', () => {
  it('measures the link to a server, with its token', { timeout: 60_000 }, async () => {
    const token = join(folder, 'token');
    await using server = start(
      'serve',
      model,
      '--at',
      '4',
      '--listen',
      'ws://127.0.0.1:0',
      '--token-file',
      token,
      '--json',
    );
    const url = await server.url();
    const { status, stdout } = await run('probe', url, '--token-file', token, '--budget-ms', '4000', '--json');
    expect(status).toBe(0);
    const link = linkProfileSchema.parse(JSON.parse(stdout));
    expect(link.url).toBe(url);
    expect(link.rttMs.min).toBeLessThan(50);
    expect(new Set(link.samples.map(({ direction }) => direction)).size).toBe(2);
    const shown = await run('probe', url, '--token-file', token, '--budget-ms', '4000');
    expect(shown.stdout).toMatch(/round trip .*\n.*jitter .*\n.*there .*bit\/s/);
    expect(await run('probe', url)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^error CUT_UNAUTHORISED: /),
    });
  });

  it('says when nobody is there, and when the address is none', async () => {
    expect(await run('probe', 'ws://127.0.0.1:1')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^error CUT_UNREACHABLE: /),
    });
    expect((await run('probe', 'nonsense')).status).toBe(2);
  });
});
