import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGpu } from '@cutpoint/gpu';
import { availableProviders, rememberedChoices } from '@cutpoint/runtime';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeOnGpu } from '../../../gpu/src/gpus.testing.js';
import { randomFloats, temporaryPackage } from '../decode/random-package.testing.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { chooseRangeProvider } from './choose-range-provider.js';
import { measureRange } from './measure-range.js';
import { openRange, type RangeProvider } from './open-range.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-auto-'));
  vi.stubEnv('CUTPOINT_CACHE_DIR', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const providers: RangeProvider[] = ['wgpu', ...((await availableProviders()) as RangeProvider[])];
const patience = new AbortController().signal;

await describeOnGpu('layers on any provider', openGpu, () => {
  it.each(providers)('computes what the CPU does: %s', async (provider) => {
    await using made = await temporaryPackage(randomFloats(smallConfig, 5));
    for (const range of [
      { from: 0, to: smallConfig.layers, head: true },
      { from: 1, to: 2, head: false },
    ]) {
      const [due, found] = await Promise.all(
        (['cpu', provider] as const).map(async (name) => {
          const opened = await openRange(name, made, range, { threads: 1, cache: 'f32' });
          const { outputs } = await measureRange(opened, patience);
          await opened.dispose();
          return outputs;
        }),
      );
      expect([...(found ?? [])].map(([, { shape }]) => shape)).toEqual([...(due ?? [])].map(([, { shape }]) => shape));
      for (const [name, tensor] of due ?? []) {
        const [a, b] = [tensor, found?.get(name)].map((one) => new Float32Array(one?.data.slice().buffer ?? []));
        const largest = Math.max(...(a ?? []).map(Math.abs));
        for (const [i, value] of (a ?? []).entries()) {
          expect(Math.abs(value - (b?.[i] ?? Number.NaN))).toBeLessThan(1e-4 * largest);
        }
      }
    }
  });

  it('are measured on each once, of which the fastest is remembered', async () => {
    await using made = await temporaryPackage(randomFloats(smallConfig, 5));
    const range = { from: 0, to: smallConfig.layers, head: true };
    const options = { threads: 1, cache: 'f32', own: true } as const;
    const { choice } = await chooseRangeProvider(made, range, options);
    expect(choice.trials.map(({ provider, outcome }) => [provider, outcome])).toEqual(
      ['cpu', ...providers].map((name) => [name, 'right']),
    );
    const fastest = choice.trials
      .flatMap((trial) => (trial.outcome === 'right' ? [trial] : []))
      .sort((a, b) => a.ms - b.ms);
    expect(['cpu', fastest[0]?.provider]).toContain(choice.provider);
    expect((await chooseRangeProvider(made, range, options)).choice).toEqual({ ...choice, how: 'remembered' });
    // Another cache, in which our kernels keep no keys and values, is another question.
    const other = await chooseRangeProvider(made, range, { ...options, cache: 'f16' });
    expect(other.choice.trials.map(({ provider }) => provider)).not.toContain('wgpu');
    expect(await rememberedChoices()).toHaveLength(2);
  });
});
