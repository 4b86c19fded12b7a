import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { f32Values, type NamedTensors } from '@cutpoint/core';
import type { SplitTiming } from '@cutpoint/daemon';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { classifier, classifierInput, loadWhole } from './models.testing.js';
import { childrenOf, cutpoint, until } from './processes.testing.js';

// Each test starts processes, and a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
let input: string;
let expected: readonly number[];
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-run-'));
  input = path('x.npy');
  await writeFile(input, npy(classifierInput()));
  await using whole = await loadWhole(classifier);
  const [output] = [...(await whole.run(classifierInput())).outputs.values()];
  expected = output === undefined ? [] : [...f32Values(output)];
});
afterAll(() => rm(folder, { recursive: true }));

/** The classifier's input as NumPy would save it. */
function npy(tensors: NamedTensors): Uint8Array {
  const { shape, data } = tensors.get('x') ?? { shape: [], data: new Uint8Array() };
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`.padEnd(117);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(`${header}\n`), data]);
}

interface RunOutput {
  readonly outputs: Record<string, { dtype: string; shape: number[]; data: number[] }>;
  readonly timing: SplitTiming;
}

async function run(...args: readonly string[]): Promise<RunOutput> {
  await using process = cutpoint(['run', classifier, '--json', ...args]);
  const status = await process.exit();
  if (status !== 0) throw new Error(process.stderr);
  return JSON.parse(process.stdout) as RunOutput;
}

function close(actual: readonly number[] | undefined): void {
  expect(actual?.length).toBe(expected.length);
  // The runtime's optimisations are on here and may round differently.
  for (const [i, value] of expected.entries()) expect(actual?.[i]).toBeCloseTo(value, 4);
}

describe('cutpoint run', () => {
  it('starts a server, gives the whole model’s outputs and says where the time went', async () => {
    const { outputs, timing } = await run('--at', '100', '--input', input);
    const output = outputs['softmax_0.tmp_0'];
    expect(output).toMatchObject({ dtype: 'f32', shape: [1, 2] });
    close(output?.data);
    const { totalMs, stages, links, ...parts } = timing;
    expect(Object.keys(parts)).toEqual(['frontMs', 'encodeMs', 'sendMs', 'remoteMs', 'decodeMs']);
    const times = Object.values<number>(parts);
    expect(times.reduce((total, part) => total + part, 0)).toBeLessThanOrEqual(totalMs);
    expect(Math.min(...times)).toBeGreaterThan(0);
    expect(stages).toHaveLength(2);
    expect(links).toHaveLength(1);
  });

  it('uses a server that is there, takes inputs by name and writes the outputs to a file', async () => {
    await using server = cutpoint(['serve', classifier, '--at', '7', '--listen', 'tcp://127.0.0.1:0', '--json']);
    const named = path('named.npz');
    await writeFile(named, zipSync({ 'x.npy': npy(classifierInput()) }));
    const out = path('out.npz');
    const { outputs } = await run('--at', '7', '--server', await server.url(), '--input', named, '--out', out);
    close(outputs['softmax_0.tmp_0']?.data);
    expect((await readFile(out)).includes('softmax_0.tmp_0.npy')).toBe(true);
  });

  it('runs alone where nothing crosses the cut', async () => {
    const { outputs, timing } = await run('--at', '220', '--input', input);
    close(outputs['softmax_0.tmp_0']?.data);
    expect(timing).toMatchObject({ encodeMs: 0, sendMs: 0, remoteMs: 0, decodeMs: 0 });
  });

  it('shows a table without --json', async () => {
    await using process = cutpoint(['run', classifier, '--at', '220', '--input', input]);
    expect(await process.exit()).toBe(0);
    expect(process.stdout).toMatch(/^output +type +values\nsoftmax_0\.tmp_0 +f32\[1, 2\] +\d/);
    expect(process.stdout).toMatch(/^total +\d[\d.]* (µs|ms|s)$/m);
    expect(process.stdout).toMatch(/^cut +220 \(after output\)\ncrossed +nothing\nserver +not needed\n/m);
    expect(process.stdout).not.toMatch(/^(encode|send|remote|decode)/m);
    expect(process.stderr).toBe('');
  });

  it('says without --json where it was cut, what crossed in bytes, and which server was used', async () => {
    await using process = cutpoint(['run', classifier, '--at', '100', '--codec', 'f16', '--input', input]);
    expect(await process.exit()).toBe(0);
    expect(process.stdout).toMatch(/^cut +100 \(after \S+\)$/m);
    expect(process.stdout).toMatch(/^crossed +[\d.]+ KB: f16\[1, \d+, \d+, \d+\]/m);
    expect(process.stdout).toMatch(
      /^server +started for this run\ncomputed by +cpu\ntimed +one run; loading is not counted$/m,
    );
    const unit = /^(?:front segment|encode|send|remote|decode|total) +[\d.]+ (\S+)$/gm;
    const units = [...process.stdout.matchAll(unit)].map(([, name]) => name);
    expect([units.length, new Set(units).size]).toEqual([6, 1]);
  });

  it('lets tensors cross under the spec of a codec, in fewer bytes', async () => {
    const bytesSent = async (type: string, ...codec: readonly string[]) => {
      await using process = cutpoint(['run', classifier, '--at', '100', '--input', input, ...codec]);
      expect(await process.exit()).toBe(0);
      const crossed = /^crossed +([\d.]+ (?:KB|B)): (\w+)\[/m.exec(process.stdout);
      expect(crossed?.[2]).toBe(type);
      return Number.parseFloat(crossed?.[1] ?? '') * (crossed?.[1]?.endsWith('KB') ? 1000 : 1);
    };
    const raw = await bytesSent('f32');
    expect(await bytesSent('u8', '--codec', 'ts-tabq:delta=1e-3+rans')).toBeLessThan(raw / 4);
  });

  it.each([
    ['an absent server', ['--at', '7', '--server', 'ws://127.0.0.1:9'], 1, 'CUT_UNREACHABLE'],
    ['a cut that does not exist', ['--at', '5000'], 2, 'CUT_ILLEGAL_CUT'],
    ['no cut', [], 2, 'CUT_USAGE'],
    ['two cuts and no chain of servers', ['--at', '7,100'], 2, 'CUT_USAGE'],
    ['a provider that does not exist', ['--at', '7', '--provider', 'nonsense'], 1, 'CUT_PROVIDER'],
  ])('fails with one sentence for %s', async (_, args, status, code) => {
    await using process = cutpoint(['run', classifier, '--json', '--input', input, ...args]);
    expect(await process.exit()).toBe(status);
    expect(process.stderr).toMatch(new RegExp(`^error ${code}: .*\n$`));
    expect(JSON.parse(process.stdout)).toEqual({ error: { code, message: expect.any(String) } });
  });

  it.skipIf(process.platform !== 'linux')('leaves no server behind, even when it is killed', async () => {
    await using process = cutpoint(['run', classifier, '--json', '--at', '100', '--input', input]);
    await until(async () => (await childrenOf(process.pid)).length > 0, 'the server’s process is there');
    const servers = await childrenOf(process.pid);
    process.kill('SIGKILL');
    await until(async () => !(await Promise.all(servers.map(isAlive))).includes(true), 'the server’s process is gone');
  });
});

/** False for a process that is gone or only waits for its parent to notice that it ended. */
async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tX');
  return !/^State:\t[XZ]/m.test(status);
}
