import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DeviceProfile, modelProfileSchema } from '@cutpoint/plan';
import { describe, expect, it } from 'vitest';
import { memoryOf } from './memory.js';
import { type ProfileProgress, profileModel } from './profile-model.js';
import { saveModel, smallModel } from './small-model.testing.js';

const device: DeviceProfile = {
  name: 'bench',
  os: 'none',
  arch: 'x64',
  cpu: 'unknown',
  cores: 1,
  memoryBytes: 1e9,
  instructionSets: [],
  providers: ['cpu'],
  power: { source: 'stated', idleW: 1, busyW: 2, networkW: 1.5 },
};
const quick = { device, cuts: [4, 9, 13], budgetMs: 200 };

describe('a profile of a model', () => {
  it('measures the cuts asked for, fits the others, and is what the schema says', { timeout: 120_000 }, async () => {
    await using saved = await saveModel(smallModel(4, 64));
    const steps: ProfileProgress[] = [];
    const dims = new Map([['N', 2]]);
    const profile = await profileModel(saved.path, { ...quick, dims, onProgress: (step) => steps.push(step) });
    expect(modelProfileSchema.parse(profile)).toEqual(profile);
    const { cuts, fit, frontMs, backMs, wholeMs, measured, memory } = profile;
    const last = cuts.length - 1;
    expect(profile.model).toMatchObject({ name: 'model.onnx', dims: { N: 2 } });
    expect(profile.runtime).toMatchObject({ name: 'onnxruntime-node', provider: 'cpu', threads: 1 });
    expect(fit.kind).toBe('subset');
    expect(fit.measuredCuts).toEqual([0, 4, 9, 13, last]);
    expect([frontMs.length, backMs.length]).toEqual([cuts.length, cuts.length]);
    expect([frontMs[0], frontMs[last], backMs[0], backMs[last]]).toEqual([0, wholeMs, wholeMs, 0]);
    for (const cut of [4, 9, 13]) {
      expect(measured.find(({ from, to }) => from === 0 && to === cut)?.medianMs).toBe(frontMs[cut]);
      expect(measured.find(({ from, to }) => from === cut && to === last)?.medianMs).toBe(backMs[cut]);
    }
    const { workMs, enterMs, leaveMs } = profile.between;
    expect([workMs.length, enterMs.length, leaveMs.length]).toEqual([cuts.length, cuts.length, cuts.length]);
    for (const [from, to] of [
      [4, 9],
      [9, 13],
    ] as const) {
      expect(measured.find((one) => one.from === from && one.to === to)?.medianMs).toBeGreaterThan(0);
      expect(workMs[to]).toBeGreaterThanOrEqual(workMs[from] ?? 0);
    }
    for (const one of measured) {
      expect(one.p10Ms).toBeLessThanOrEqual(one.medianMs);
      expect(one.medianMs).toBeLessThanOrEqual(one.p90Ms);
      expect(one.loadMs).toBeGreaterThan(0);
      expect(one.runs).toBeGreaterThanOrEqual(3);
    }
    // The input of both images in f32, and their answers.
    expect(cuts[0]).toMatchObject({ bytes: 2 * 3 * 64 * 64 * 4, f32Bytes: 2 * 3 * 64 * 64 * 4, answerBytes: 80 });
    expect(cuts[last]).toMatchObject({ bytes: 0, answerBytes: 0 });
    expect(steps.map(({ step }) => step)).toEqual(expect.arrayContaining(['open', 'device', 'time', 'memory']));
    if (process.platform === 'linux') {
      expect(memory.errorPct).not.toBeNull();
      // A process with Node and the runtime in it.
      expect(memory.baseBytes).toBeGreaterThan(20e6);
      expect(memory.baseBytes).toBeLessThan(500e6);
      expect(measured.find(({ from, to }) => from === 0 && to === last)?.peakBytes).toBeGreaterThanOrEqual(0);
    }
  });

  it('of all cuts fits nothing', { timeout: 120_000 }, async () => {
    await using saved = await saveModel(smallModel(0));
    const notes: string[] = [];
    const options = { device, full: true, budgetMs: 20, onNote: (note: string) => notes.push(note) };
    const { fit, cuts, measured } = await profileModel(saved.path, options);
    expect(notes).toEqual([expect.stringMatching(/assumed to be N=1/)]);
    expect(fit).toMatchObject({ kind: 'all', errorPct: null, measuredCuts: cuts.map(({ index }) => index) });
    const fronts = measured.filter(({ from, to }) => from === 0 && to < cuts.length - 1);
    expect(fronts.map(({ to }) => to)).toEqual(cuts.slice(1, -1).map(({ index }) => index));
  });

  it('is taken from the cache the next time, unless it is damaged there', { timeout: 120_000 }, async () => {
    await using saved = await saveModel(smallModel(1));
    const notes: string[] = [];
    const dims = new Map([['N', 1]]);
    const options = { device, dims, cuts: [3], budgetMs: 20, onNote: (note: string) => notes.push(note) };
    const first = await profileModel(saved.path, options);
    expect(await profileModel(saved.path, options)).toEqual(first);
    const other = await profileModel(saved.path, { ...options, threads: 2 });
    expect(other.runtime.threads).toBe(2);
    expect(notes).toEqual([]);
    const folder = join(saved.folder, 'cache', 'profiles');
    for (const name of await readdir(folder)) {
      const text = await readFile(join(folder, name), 'utf8');
      await writeFile(join(folder, name), text.replace('"wholeMs":', '"wholeMs":"no number",":'));
    }
    const again = await profileModel(saved.path, options);
    expect(again.measuredAt > first.measuredAt).toBe(true);
    expect(notes).toEqual([expect.stringMatching(/is not used: /)]);
  });

  it('is refused for a cut that does not exist, and stops when it is cancelled', async () => {
    await using saved = await saveModel(smallModel(20));
    await expect(profileModel(saved.path, { device, cuts: [999] })).rejects.toMatchObject({ code: 'CUT_ILLEGAL_CUT' });
    const abort = new AbortController();
    const onProgress = ({ step, done }: ProfileProgress) => {
      if (step === 'time' && done === 1) abort.abort();
    };
    const cancelled = profileModel(saved.path, { device, signal: abort.signal, onProgress });
    await expect(cancelled).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
    await expect(profileModel(saved.path, { device, deadlineMs: 1 })).rejects.toMatchObject({ code: 'CUT_DEADLINE' });
  });
});

it.runIf(process.platform === 'linux')('memory of a process is what the system tells', async () => {
  const found = await memoryOf(process.pid);
  expect(Math.abs((found?.residentBytes ?? 0) / process.memoryUsage.rss() - 1)).toBeLessThan(0.2);
  expect(found?.peakBytes).toBeGreaterThanOrEqual(found?.residentBytes ?? 0);
  expect(await memoryOf(undefined)).toBeUndefined();
});
