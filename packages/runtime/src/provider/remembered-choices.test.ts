import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CutpointError, tensorOf } from '@cutpoint/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chooseProvider } from './choose-provider.js';
import { openChosen } from './open-chosen.js';
import { forgetChoice, type RememberedChoice, recallChoice, rememberChoice } from './remembered-choices.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-choices-'));
  vi.stubEnv('CUTPOINT_CACHE_DIR', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const cpu = { provider: 'cpu', outcome: 'right', ms: 2, difference: 0 } as const;
const choiceOf = (more: Partial<RememberedChoice>): RememberedChoice => ({
  what: 'a segment',
  provider: 'cpu',
  trials: [cpu],
  measuredAt: '2026-01-02T03:04:05Z',
  ...more,
});

/** Chooses among the CPU and one other, and tells what was measured. */
async function choose(ms: number) {
  const measured: string[] = [];
  const kept = await chooseProvider({
    what: 'a segment',
    subject: 'the same',
    others: ['webgpu'],
    measure: async (provider) => {
      measured.push(provider);
      const outputs = new Map([['y', tensorOf('f32', [1], new Float32Array([1]))]]);
      return { ms: provider === 'cpu' ? 2 : ms, outputs };
    },
    mostDifference: 0.01,
  });
  return { ...kept, measured };
}

describe('a remembered choice of a provider', () => {
  it('is believed only if it is one that was tried here and was right', async () => {
    const { key, measured } = await choose(1);
    expect(measured).toEqual(['cpu', 'webgpu']);
    expect((await choose(1)).measured).toEqual([]);
    const webgpu = { provider: 'webgpu', outcome: 'right', ms: 1, difference: 0 } as const;
    const wrong = { provider: 'webgpu', outcome: 'wrong', difference: 1, most: 0.01 } as const;
    for (const odd of [
      { provider: 'auto' },
      { provider: 'coreml', trials: [cpu, { ...webgpu, provider: 'coreml' }] },
      { provider: 'webgpu', trials: [cpu, wrong] },
      { provider: 'webgpu', trials: [] },
    ]) {
      await rememberChoice(key, choiceOf(odd));
      expect((await choose(1)).measured).toEqual(['cpu', 'webgpu']);
    }
  });

  it('is whole whoever writes it at the same time, and is read though a provider said much', async () => {
    const failed = { provider: 'webgpu', outcome: 'failed', code: 'CUT_LOAD', message: 'x'.repeat(50_000) } as const;
    const writes = Array.from({ length: 50 }, (_, i) =>
      rememberChoice('k', choiceOf({ what: 'w'.repeat(1 + 150 * i), trials: [cpu, failed] })),
    );
    const reads = Array.from({ length: 50 }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return await recallChoice('k');
    });
    await Promise.all([...writes, ...reads]);
    expect(await recallChoice('k')).toMatchObject({ provider: 'cpu' });
    expect(await readdir(join(folder, 'providers'))).toEqual(['k.json']);
  });

  it('opens the CPU though what fails cannot be forgotten, and says so', async () => {
    // A folder in its place cannot be removed as a file can.
    await mkdir(join(folder, 'providers', 'k.json'), { recursive: true });
    await writeFile(join(folder, 'providers', 'k.json', 'x'), '');
    expect(await forgetChoice('k')).toMatch(/stays remembered/);
    const choice = { provider: 'webgpu', how: 'remembered', trials: [], notices: [] } as const;
    const { opened, provider } = await openChosen({ key: 'k', choice }, async (named) => {
      if (named !== 'cpu') throw new CutpointError('CUT_LOAD', 'No device.');
      return named;
    });
    expect(opened).toBe('cpu');
    expect(provider).toMatchObject({ provider: 'cpu', how: 'fallback' });
    expect(provider.notices.join(' ')).toMatch(/No device.*stays remembered/);
  });
});
